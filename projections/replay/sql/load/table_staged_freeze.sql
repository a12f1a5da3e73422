-- Members who were frozen or unfrozen, by name.
CREATE TABLE staged_freeze (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL
)
