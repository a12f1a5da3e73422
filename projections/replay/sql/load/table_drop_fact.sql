-- Lines that were not reserved when their batch was approved; reason not_covered, frozen or no_details.
CREATE TABLE drop_fact (
    position BIGINT NOT NULL,
    batch VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    reason VARCHAR NOT NULL
)
