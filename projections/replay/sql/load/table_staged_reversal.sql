-- Reversals, with the stream of the refund they undo.
CREATE TABLE staged_reversal (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    refund_stream VARCHAR NOT NULL
)
