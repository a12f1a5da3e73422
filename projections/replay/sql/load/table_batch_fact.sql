-- What became of payout batches: kind prepared, approved or rejected. README.md says what each column is of which.
CREATE TABLE batch_fact (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    actor VARCHAR NOT NULL,
    currency VARCHAR,
    cut_off_us BIGINT,
    known_position BIGINT,
    plan BIGINT,
    lines BIGINT,
    left_out BIGINT,
    total_minor BIGINT,
    lines_hash VARCHAR,
    digest VARCHAR
)
