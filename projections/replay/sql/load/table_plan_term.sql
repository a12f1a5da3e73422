-- Plans, a row each (P-1). Absent rates are 0; ttl_us NULL: no end.
CREATE TABLE plan_term (
    plan BIGINT NOT NULL,
    position BIGINT NOT NULL,
    effective_from_us BIGINT NOT NULL,
    rate_1_ppm BIGINT NOT NULL,
    rate_2_ppm BIGINT NOT NULL,
    rate_3_ppm BIGINT NOT NULL,
    rounding VARCHAR NOT NULL,
    hold_us BIGINT NOT NULL,
    self_purchase VARCHAR NOT NULL,
    policy VARCHAR NOT NULL,
    protection_us BIGINT NOT NULL,
    ttl_us BIGINT,
    renewal VARCHAR NOT NULL
)
