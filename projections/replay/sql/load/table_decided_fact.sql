-- Facts as they come from the second decider: kind 0 bound, 1 released, 2 renewed; the least integer for no end.
CREATE TABLE decided_fact (
    position BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    bind BIGINT NOT NULL,
    member BIGINT NOT NULL,
    referrer BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL
)
