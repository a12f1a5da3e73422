-- The least payout of each currency that a plan names (P-1).
CREATE TABLE minimum_fact (
    position BIGINT NOT NULL,
    plan BIGINT NOT NULL,
    currency VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL
)
