-- What the commissions projection derives from the log. Every table here may be dropped and rebuilt.

-- How far each projection has come; moved in the transaction that writes what it stands for.
CREATE TABLE checkpoint (
    projection text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);

-- Every binding as it stands at the checkpoint: the edges of the teams.
--
-- position       of its MemberBound; (member, position) is recording order
-- ends_at_us     where it lapses by itself, renewals included; null: never
-- released_at_us where an unbind or a take-over ended it
CREATE TABLE team_binding (
    member text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    bind text COLLATE "C" NOT NULL,
    referrer text COLLATE "C" NOT NULL,
    bound_at_us bigint NOT NULL,
    ends_at_us bigint,
    plan bigint NOT NULL,
    released_at_us bigint,
    PRIMARY KEY (member, position)
);

-- Downlines.
CREATE INDEX team_binding_referrer ON team_binding (referrer, bound_at_us);

-- Every order with the outcome of its three levels, fixed at its position (A-1). Amounts in minor units.
--
-- order_stream    the order's stream
-- available_at_us when its accruals mature (A-6)
-- plan            number of its plan; null: none was in force
-- member_N        who stands on level N, paid or not; null: nobody
-- reason_N        paid, or the first reason that applies (A-3)
-- commission_N    what the level earned, before refunds
CREATE TABLE order_outcome (
    order_stream text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    occurred_at_us bigint NOT NULL,
    available_at_us bigint NOT NULL,
    member text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    plan bigint,
    member_1 text COLLATE "C",
    reason_1 text COLLATE "C" NOT NULL,
    commission_1 bigint NOT NULL,
    member_2 text COLLATE "C",
    reason_2 text COLLATE "C" NOT NULL,
    commission_2 bigint NOT NULL,
    member_3 text COLLATE "C",
    reason_3 text COLLATE "C" NOT NULL,
    commission_3 bigint NOT NULL
);

-- What a member bought.
CREATE INDEX order_outcome_buyer ON order_outcome (member, occurred_at_us);

-- What matures when, for everyone and for one member per level.
CREATE INDEX order_outcome_available ON order_outcome (available_at_us);
CREATE INDEX order_outcome_member_1 ON order_outcome (member_1, available_at_us) WHERE member_1 IS NOT NULL;
CREATE INDEX order_outcome_member_2 ON order_outcome (member_2, available_at_us) WHERE member_2 IS NOT NULL;
CREATE INDEX order_outcome_member_3 ON order_outcome (member_3, available_at_us) WHERE member_3 IS NOT NULL;

-- Every refund and what it took back from each level (R-2). Amounts in minor units.
--
-- value_at_us  when it counts (R-3)
CREATE TABLE order_refund (
    order_stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    refund_stream text COLLATE "C" NOT NULL,
    value_at_us bigint NOT NULL,
    amount_minor bigint NOT NULL,
    clawback_1 bigint NOT NULL,
    clawback_2 bigint NOT NULL,
    clawback_3 bigint NOT NULL,
    PRIMARY KEY (order_stream, position)
);

CREATE INDEX order_refund_value ON order_refund (value_at_us);

-- Sums of all postings up to the checkpoint, whatever their time: balances as of T take off what is dated later.
CREATE TABLE balance (
    member text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    earned_minor bigint NOT NULL,
    clawed_back_minor bigint NOT NULL,
    PRIMARY KEY (member, currency)
);
