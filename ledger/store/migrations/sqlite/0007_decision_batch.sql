-- Decision state: where a payout batch was prepared, approved or rejected, by currency: another one may only be prepared
-- at or above the last of these (X-2). Batches themselves have no row: their stream is their state.
--
-- position  of the PayoutBatchPrepared, PayoutBatchApproved or PayoutBatchRejected
-- batch     the batch's stream
CREATE TABLE decision_batch (
    currency TEXT NOT NULL,
    position INTEGER NOT NULL,
    batch TEXT NOT NULL,
    PRIMARY KEY (currency, position)
) STRICT;
