-- Decision state: which payout a provider's reference belongs to (X-4). Payouts themselves have no row: their stream is
-- their state.
--
-- position  of the event that names it
-- payout    the payout's stream; all rows of one reference have the same
CREATE TABLE decision_reference (
    reference text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    payout text COLLATE "C" NOT NULL,
    PRIMARY KEY (reference, position)
);
