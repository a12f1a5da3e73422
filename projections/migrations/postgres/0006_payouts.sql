-- Payouts, adjustments, reversals, freezes and closed periods. No event of them can be older than this migration, so what
-- was projected before stays as it is.

-- A reversal is a row of its own that gives back what its refund took: negative amounts.
--
-- refund_stream  of the refund, or of the reversal
-- reverses       stream of the refund that it reverses; null: a refund
ALTER TABLE order_refund ADD COLUMN reverses text COLLATE "C";
CREATE UNIQUE INDEX order_refund_stream ON order_refund (refund_stream);

-- The sums of what is not earned on orders. A statement of its own adds to them: orders pay nothing for it.
--
-- movements  how many postings of adjustments and payouts there are (S-3 counts them also where they net to 0)
ALTER TABLE balance ADD COLUMN adjusted_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN reserved_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN paid_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE balance ADD COLUMN movements bigint NOT NULL DEFAULT 0;

-- Every proposed correction of a balance, and what became of it.
--
-- position      of the proposal
-- amount_minor  signed
-- value_at_us   when it counts, once posted
-- state         proposed, posted or rejected
CREATE TABLE adjustment (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL UNIQUE,
    member text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    value_at_us bigint NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    state text COLLATE "C" NOT NULL,
    decided_position bigint,
    decided_at_us bigint,
    decided_by text,
    decided_reason text
);

CREATE INDEX adjustment_member ON adjustment (member);
CREATE INDEX adjustment_value ON adjustment (value_at_us);

-- Every freeze and unfreeze. The latest of a member by position says whether its payouts are held.
CREATE TABLE member_freeze (
    member text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    is_frozen bigint NOT NULL,
    at_us bigint NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (member, position)
);

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
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL UNIQUE,
    currency text COLLATE "C" NOT NULL,
    at_us bigint NOT NULL,
    cut_off_us bigint NOT NULL,
    at_position bigint NOT NULL,
    plan bigint NOT NULL,
    lines bigint NOT NULL,
    total_minor bigint NOT NULL,
    left_out bigint NOT NULL,
    digest text NOT NULL,
    lines_hash text NOT NULL,
    salt text,
    prepared_by text NOT NULL,
    state text COLLATE "C" NOT NULL,
    decided_position bigint,
    decided_at_us bigint,
    decided_by text,
    decided_reason text,
    reserved_lines bigint,
    reserved_minor bigint,
    reserved_hash text
);

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
    batch bigint NOT NULL,
    no bigint NOT NULL,
    member text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL,
    details text,
    dropped text COLLATE "C",
    state text COLLATE "C",
    attempt bigint,
    reference text,
    value_at_us bigint,
    changed_at_us bigint,
    changed_position bigint,
    PRIMARY KEY (batch, no)
);

CREATE INDEX payout_member ON payout (member);

-- What happened to payouts after they were reserved.
--
-- kind                        submitted, paid, failed, returned or unknown
-- value_at_us                 of its posting; null: it posts nothing
-- reserved_minor, paid_minor  what its posting changes, signed
-- file                        SHA-256 of the file it was submitted in
CREATE TABLE payout_step (
    batch bigint NOT NULL,
    no bigint NOT NULL,
    position bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    at_us bigint NOT NULL,
    value_at_us bigint,
    reserved_minor bigint NOT NULL,
    paid_minor bigint NOT NULL,
    actor text NOT NULL,
    reference text,
    reason text,
    file text,
    PRIMARY KEY (batch, no, position)
);

CREATE INDEX payout_step_value ON payout_step (value_at_us) WHERE value_at_us IS NOT NULL;

-- Every closed period.
--
-- end_us         where it ends; the next one begins there
-- position       of its PeriodClosed
-- at_position    what it stands for: positions up to this one
-- trial_balance  JSON, currency: account class: minor units
CREATE TABLE period_close (
    end_us bigint PRIMARY KEY,
    position bigint NOT NULL,
    at_position bigint NOT NULL,
    at_us bigint NOT NULL,
    closed_by text NOT NULL,
    digest text NOT NULL,
    root text NOT NULL,
    trial_balance text NOT NULL
);

-- Every posting of adjustments and payouts: what it changes of a member's balance, signed.
--
-- kind         adjustment, reservation, payment, release or return
-- stream, no   the adjustment's stream; or the batch's, and which of its payouts
-- position     of the event that it follows from
-- value_at_us  when it counts
CREATE VIEW member_movement AS
SELECT CAST('adjustment' AS text) AS kind, stream, CAST(NULL AS bigint) AS no, member, currency, decided_position AS position,
       value_at_us, amount_minor AS adjusted_minor, CAST(0 AS bigint) AS reserved_minor, CAST(0 AS bigint) AS paid_minor
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
