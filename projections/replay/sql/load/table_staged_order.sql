-- Orders by name, until names and streams become numbers.
CREATE TABLE staged_order (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL,
    plan BIGINT
)
