-- Orders and refunds laid out anew: keyed by position, which is cheap to append to, and found by member through lists of
-- positions instead of an index per level. What was projected before is dropped; the next run projects it again.
DROP TABLE order_refund;
DROP TABLE order_outcome;
DELETE FROM checkpoint;
DELETE FROM team_binding;
DELETE FROM balance;

-- Every order with the outcome of its three levels, fixed at its position (A-1). Amounts in minor units.
--
-- order_stream    the order's stream
-- available_at_us when its accruals mature (A-6)
-- plan            number of its plan; null: none was in force
-- member_N        who stands on level N, paid or not; null: nobody
-- reason_N        paid, or the first reason that applies (A-3)
-- commission_N    what the level earned, before refunds
CREATE TABLE order_outcome (
    position INTEGER PRIMARY KEY,
    order_stream TEXT NOT NULL UNIQUE,
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

-- What matures when. Orders come in nearly the order of time, so this too is appended to.
CREATE INDEX order_outcome_available ON order_outcome (available_at_us);

-- Every refund and what it took back from each level (R-2). Amounts in minor units.
--
-- order_position  of the order
-- value_at_us     when it counts (R-3)
CREATE TABLE order_refund (
    order_position INTEGER NOT NULL,
    position INTEGER NOT NULL,
    refund_stream TEXT NOT NULL,
    value_at_us INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    clawback_1 INTEGER NOT NULL,
    clawback_2 INTEGER NOT NULL,
    clawback_3 INTEGER NOT NULL,
    PRIMARY KEY (order_position, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX order_refund_value ON order_refund (value_at_us);

-- Which orders a member bought or stood above: one row per member and batch, so that a batch touches each member once.
--
-- until_us        the last instant at which an order of the batch changes what somebody has: it matures, or a refund counts
-- first_position  of the batch that wrote the row
-- positions       of the orders, separated by commas; an order comes again with each of its refunds
CREATE TABLE member_order (
    member TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    positions TEXT NOT NULL,
    PRIMARY KEY (member, until_us, first_position)
) STRICT, WITHOUT ROWID;

-- The same, one row per position.
CREATE VIEW member_position AS
SELECT m.member, m.until_us, p.value AS position
FROM member_order AS m
CROSS JOIN json_each('[' || m.positions || ']') AS p;
