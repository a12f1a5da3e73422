-- Payouts, adjustments, reversals, freezes and closed periods. No event of them can be older than this migration, so what
-- was projected before stays as it is.

-- A reversal is a row of its own that gives back what its refund took: negative amounts.
--
-- refund_stream  of the refund, or of the reversal
-- reverses       stream of the refund that it reverses; null: a refund
ALTER TABLE order_refund ADD COLUMN reverses TEXT;
CREATE UNIQUE INDEX order_refund_stream ON order_refund (refund_stream);

-- The sums of what is not earned on orders. A statement of its own adds to them: orders pay nothing for it.
--
-- movements  how many postings of adjustments and payouts there are (S-3 counts them also where they net to 0)
ALTER TABLE balance ADD COLUMN adjusted_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN reserved_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN paid_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN movements INTEGER NOT NULL DEFAULT 0;

-- Every proposed correction of a balance, and what became of it.
--
-- position      of the proposal
-- amount_minor  signed
-- value_at_us   when it counts, once posted
-- state         proposed, posted or rejected
CREATE TABLE adjustment (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL UNIQUE,
    member TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    value_at_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    state TEXT NOT NULL,
    decided_position INTEGER,
    decided_at_us INTEGER,
    decided_by TEXT,
    decided_reason TEXT
) STRICT;

CREATE INDEX adjustment_member ON adjustment (member);
CREATE INDEX adjustment_value ON adjustment (value_at_us);

-- Every freeze and unfreeze. The latest of a member by position says whether its payouts are held.
CREATE TABLE member_freeze (
    member TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_frozen INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (member, position)
) STRICT, WITHOUT ROWID;

-- Every payout batch.
--
-- position              of its PayoutBatchPrepared
-- cut_off_us            T of what it pays
-- at_position           P of what it pays
-- lines, total_minor    as prepared
-- left_out              how many members with a balance get nothing, each with a reason
-- digest                of all balances at (T, P)
-- lines_hash            of the lines as prepared
-- salt                  of the hashes of payees' details; null: without details
-- state                 prepared, approved or rejected
-- decided_*             the approval or the rejection
-- reserved_*            what the approval reserved
CREATE TABLE payout_batch (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    cut_off_us INTEGER NOT NULL,
    at_position INTEGER NOT NULL,
    plan INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    total_minor INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    digest TEXT NOT NULL,
    lines_hash TEXT NOT NULL,
    salt TEXT,
    prepared_by TEXT NOT NULL,
    state TEXT NOT NULL,
    decided_position INTEGER,
    decided_at_us INTEGER,
    decided_by TEXT,
    decided_reason TEXT,
    reserved_lines INTEGER,
    reserved_minor INTEGER,
    reserved_hash TEXT
) STRICT;

-- Every line of every batch.
--
-- batch        position of the batch
-- details      salted hash of the payee's details; null: without
-- dropped      why the approval left it out; null: it did not
-- state        submitted, paid, failed, returned or unknown; null: as its batch
-- attempt      the last one; null: none was submitted
-- reference    the provider's last one
-- value_at_us  of its last posting after the reservation; null: there is none
-- changed_at_us, changed_position  of its last event; null: as its batch
CREATE TABLE payout (
    batch INTEGER NOT NULL,
    no INTEGER NOT NULL,
    member TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    details TEXT,
    dropped TEXT,
    state TEXT,
    attempt INTEGER,
    reference TEXT,
    value_at_us INTEGER,
    changed_at_us INTEGER,
    changed_position INTEGER,
    PRIMARY KEY (batch, no)
) STRICT, WITHOUT ROWID;

CREATE INDEX payout_member ON payout (member);

-- What happened to payouts after they were reserved.
--
-- kind                        submitted, paid, failed, returned or unknown
-- value_at_us                 of its posting; null: it posts nothing
-- reserved_minor, paid_minor  what its posting changes, signed
-- file                        SHA-256 of the file it was submitted in
CREATE TABLE payout_step (
    batch INTEGER NOT NULL,
    no INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    value_at_us INTEGER,
    reserved_minor INTEGER NOT NULL,
    paid_minor INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reference TEXT,
    reason TEXT,
    file TEXT,
    PRIMARY KEY (batch, no, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX payout_step_value ON payout_step (value_at_us) WHERE value_at_us IS NOT NULL;

-- Every closed period.
--
-- end_us         where it ends; the next one begins there
-- position       of its PeriodClosed
-- at_position    what it stands for: positions up to this one
-- trial_balance  JSON, currency: account class: minor units
CREATE TABLE period_close (
    end_us INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    at_position INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    closed_by TEXT NOT NULL,
    digest TEXT NOT NULL,
    root TEXT NOT NULL,
    trial_balance TEXT NOT NULL
) STRICT;

-- Every posting of adjustments and payouts: what it changes of a member's balance, signed.
--
-- kind         adjustment, reservation, payment, release or return
-- stream, no   the adjustment's stream; or the batch's, and which of its payouts
-- position     of the event that it follows from
-- value_at_us  when it counts
CREATE VIEW member_movement AS
SELECT 'adjustment' AS kind, stream, NULL AS no, member, currency, decided_position AS position,
       value_at_us, amount_minor AS adjusted_minor, 0 AS reserved_minor, 0 AS paid_minor
FROM adjustment
WHERE state = 'posted'
UNION ALL
SELECT 'reservation', b.stream, p.no, p.member, b.currency, b.decided_position, b.decided_at_us, 0, p.amount_minor, 0
FROM payout_batch AS b
JOIN payout AS p ON p.batch = b.position
WHERE b.state = 'approved' AND p.dropped IS NULL
UNION ALL
SELECT CASE s.kind WHEN 'paid' THEN 'payment' WHEN 'failed' THEN 'release' WHEN 'returned' THEN 'return' ELSE 'reservation' END,
       b.stream, p.no, p.member, b.currency, s.position, s.value_at_us, 0, s.reserved_minor, s.paid_minor
FROM payout_step AS s
JOIN payout AS p ON p.batch = s.batch AND p.no = s.no
JOIN payout_batch AS b ON b.position = s.batch
WHERE s.value_at_us IS NOT NULL;

-- Every line of every batch, with where it stands.
--
-- state     of the payout; else dropped, reserved, or what its batch is: prepared or rejected
-- since_us  when it came there, by the event at `position`
CREATE VIEW payout_now AS
SELECT b.stream AS batch_stream, b.currency, p.batch, p.no, p.member, p.amount_minor, p.details, p.dropped, p.attempt,
       p.reference,
       CASE WHEN p.dropped IS NOT NULL THEN 'dropped'
            WHEN p.state IS NOT NULL THEN p.state
            WHEN b.state = 'approved' THEN 'reserved'
            ELSE b.state END AS state,
       coalesce(p.changed_at_us, b.decided_at_us, b.at_us) AS since_us,
       coalesce(p.changed_position, b.decided_position, b.position) AS position
FROM payout AS p
JOIN payout_batch AS b ON b.position = p.batch;
