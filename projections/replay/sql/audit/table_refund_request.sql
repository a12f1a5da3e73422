-- Refunds as asked, and what was decided then: outcome recorded, or the reason of a refusal (R-1).
--
-- order_stream   of the order it names
-- line, member   null where it names none
CREATE TABLE refund_request (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    order_stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    line BIGINT,
    member VARCHAR,
    currency VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL,
    outcome VARCHAR NOT NULL
)
