-- Recorded refunds, with the stream of the order they refund.
CREATE TABLE staged_refund (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    order_stream VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL
)
