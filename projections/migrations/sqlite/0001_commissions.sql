-- What the commissions projection derives from the log. Every table here may be dropped and rebuilt.

-- How far each projection has come; moved in the transaction that writes what it stands for.
CREATE TABLE checkpoint (
    projection TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;

-- Every binding as it stands at the checkpoint: the edges of the teams.
--
-- position       of its MemberBound; (member, position) is recording order
-- ends_at_us     where it lapses by itself, renewals included; null: never
-- released_at_us where an unbind or a take-over ended it
CREATE TABLE team_binding (
    member TEXT NOT NULL,
    position INTEGER NOT NULL,
    bind TEXT NOT NULL,
    referrer TEXT NOT NULL,
    bound_at_us INTEGER NOT NULL,
    ends_at_us INTEGER,
    plan INTEGER NOT NULL,
    released_at_us INTEGER,
    PRIMARY KEY (member, position)
) STRICT;

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
    order_stream TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    available_at_us INTEGER NOT NULL,
    member TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    plan INTEGER,
    member_1 TEXT,
    reason_1 TEXT NOT NULL,
    commission_1 INTEGER NOT NULL,
    member_2 TEXT,
    reason_2 TEXT NOT NULL,
    commission_2 INTEGER NOT NULL,
    member_3 TEXT,
    reason_3 TEXT NOT NULL,
    commission_3 INTEGER NOT NULL
) STRICT;

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
    order_stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    refund_stream TEXT NOT NULL,
    value_at_us INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    clawback_1 INTEGER NOT NULL,
    clawback_2 INTEGER NOT NULL,
    clawback_3 INTEGER NOT NULL,
    PRIMARY KEY (order_stream, position)
) STRICT;

CREATE INDEX order_refund_value ON order_refund (value_at_us);

-- Sums of all postings up to the checkpoint, whatever their time: balances as of T take off what is dated later.
CREATE TABLE balance (
    member TEXT NOT NULL,
    currency TEXT NOT NULL,
    earned_minor INTEGER NOT NULL,
    clawed_back_minor INTEGER NOT NULL,
    PRIMARY KEY (member, currency)
) STRICT;
