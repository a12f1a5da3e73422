-- Plans of raw_event (PlanPublished).
INSERT INTO plan_term
SELECT
    CAST(f[1] AS BIGINT),
    position,
    micros(f[2]),
    coalesce(CAST(f[3] AS BIGINT), 0),
    coalesce(CAST(f[4] AS BIGINT), 0),
    coalesce(CAST(f[5] AS BIGINT), 0),
    f[6],
    CAST(f[7] AS BIGINT) * 86400000000,
    f[8],
    f[9],
    CAST(f[10] AS BIGINT) * 86400000000,
    CAST(f[11] AS BIGINT) * 86400000000,
    f[12]
FROM (
    SELECT position, json_extract_string(
        decode(state),
        [
            '$.data.asked.plan', '$.data.asked.effective_from', '$.data.asked.rates_ppm[0]',
            '$.data.asked.rates_ppm[1]', '$.data.asked.rates_ppm[2]', '$.data.asked.rounding', '$.data.asked.hold_days',
            '$.data.asked.self_purchase', '$.data.asked.binding.policy', '$.data.asked.binding.protection_days',
            '$.data.asked.binding.ttl_days', '$.data.asked.binding.renewal'
        ]
    ) AS f
    FROM raw_event
    WHERE topic = 'PlanPublished'
)
