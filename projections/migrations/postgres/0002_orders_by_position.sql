-- Orders and refunds laid out anew: keyed by position, which is cheap to append to, and found by member through lists of
-- positions instead of an index per level. What was projected before is dropped; the next run projects it again.
DROP TABLE order_refund;
DROP TABLE order_outcome;
TRUNCATE checkpoint, team_binding, balance;

-- Every order with the outcome of its three levels, fixed at its position (A-1). Amounts in minor units.
--
-- order_stream    the order's stream
-- available_at_us when its accruals mature (A-6)
-- plan            number of its plan; null: none was in force
-- member_N        who stands on level N, paid or not; null: nobody
-- reason_N        paid, or the first reason that applies (A-3)
-- commission_N    what the level earned, before refunds
CREATE TABLE order_outcome (
    position bigint PRIMARY KEY,
    order_stream text COLLATE "C" NOT NULL UNIQUE,
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

-- What matures when. Orders come in nearly the order of time, so this too is appended to.
CREATE INDEX order_outcome_available ON order_outcome (available_at_us);

-- Every refund and what it took back from each level (R-2). Amounts in minor units.
--
-- order_position  of the order
-- value_at_us     when it counts (R-3)
CREATE TABLE order_refund (
    order_position bigint NOT NULL,
    position bigint NOT NULL,
    refund_stream text COLLATE "C" NOT NULL,
    value_at_us bigint NOT NULL,
    amount_minor bigint NOT NULL,
    clawback_1 bigint NOT NULL,
    clawback_2 bigint NOT NULL,
    clawback_3 bigint NOT NULL,
    PRIMARY KEY (order_position, position)
);

CREATE INDEX order_refund_value ON order_refund (value_at_us);

-- Which orders a member bought or stood above: one row per member and batch, so that a batch touches each member once.
--
-- until_us        the last instant at which an order of the batch changes what somebody has: it matures, or a refund counts
-- first_position  of the batch that wrote the row
-- positions       of the orders, separated by commas; an order comes again with each of its refunds
CREATE TABLE member_order (
    member text COLLATE "C" NOT NULL,
    until_us bigint NOT NULL,
    first_position bigint NOT NULL,
    positions text NOT NULL,
    PRIMARY KEY (member, until_us, first_position)
);

-- The same, one row per position.
CREATE VIEW member_position AS
SELECT m.member, m.until_us, CAST(p.position AS bigint) AS position
FROM member_order AS m
CROSS JOIN LATERAL unnest(string_to_array(m.positions, ',')) AS p (position);
