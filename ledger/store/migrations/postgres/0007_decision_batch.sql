-- Decision state: where a payout batch was prepared, approved or rejected, by currency: another one may only be prepared
-- at or above the last of these (X-2). Batches themselves have no row: their stream is their state.
--
-- position  of the PayoutBatchPrepared, PayoutBatchApproved or PayoutBatchRejected
-- batch     the batch's stream
CREATE TABLE decision_batch (
    currency text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    batch text COLLATE "C" NOT NULL,
    PRIMARY KEY (currency, position)
);
