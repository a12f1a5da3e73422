-- What each refund took, for the reversal that may follow.
CREATE TABLE derived_refund (
    refund_stream TEXT NOT NULL PRIMARY KEY,
    order_stream TEXT NOT NULL,
    line INTEGER,
    amount_minor INTEGER NOT NULL
) STRICT
