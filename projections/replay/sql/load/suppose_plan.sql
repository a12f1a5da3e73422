-- The one plan that is supposed, in the place of all that were published.
CREATE OR REPLACE TEMP TABLE plan_term AS
SELECT
    CAST($plan AS BIGINT) AS plan,
    CAST($position AS BIGINT) AS position,
    CAST($effective_from_us AS BIGINT) AS effective_from_us,
    CAST($rate_1_ppm AS BIGINT) AS rate_1_ppm,
    CAST($rate_2_ppm AS BIGINT) AS rate_2_ppm,
    CAST($rate_3_ppm AS BIGINT) AS rate_3_ppm,
    CAST($rounding AS VARCHAR) AS rounding,
    CAST($hold_us AS BIGINT) AS hold_us,
    CAST($self_purchase AS VARCHAR) AS self_purchase,
    CAST($policy AS VARCHAR) AS policy,
    CAST($protection_us AS BIGINT) AS protection_us,
    CAST($ttl_us AS BIGINT) AS ttl_us,
    CAST($renewal AS VARCHAR) AS renewal
