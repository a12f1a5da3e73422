-- Decision state: which refunds were reversed (R-4). What a reversal puts back of its order is a row with a negative amount
-- in decision_refund, at the reversal's own position: their sum is what stays refunded.
--
-- refund_stream  the refund's stream; a refund is reversed once
-- position       of the RefundReversed
CREATE TABLE decision_reversal (
    refund_stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (refund_stream)
);
