-- Lines of prepared batches, by name.
CREATE TABLE staged_line (
    position BIGINT NOT NULL,
    batch VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    amount_minor BIGINT NOT NULL,
    details VARCHAR
)
