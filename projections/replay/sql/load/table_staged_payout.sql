-- What became of payouts, by name: kind submitted, paid, failed, returned or unknown.
CREATE TABLE staged_payout (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    batch VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL,
    reference VARCHAR,
    stream VARCHAR NOT NULL
)
