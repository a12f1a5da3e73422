-- What became of adjustments, by name: kind proposed, posted or rejected.
CREATE TABLE staged_adjustment (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    name VARCHAR,
    currency VARCHAR,
    amount_minor BIGINT,
    actor VARCHAR NOT NULL,
    stream VARCHAR NOT NULL
)
