-- Least payouts of the plans of raw_event (PlanPublished).
INSERT INTO minimum_fact
SELECT position, CAST(plan AS BIGINT), currency, CAST(json_extract(least, concat('$."', currency, '"')) AS BIGINT)
FROM (
    SELECT position, plan, least, unnest(json_keys(least)) AS currency
    FROM (
        SELECT
            position,
            json_extract_string(decode(state), '$.data.asked.plan') AS plan,
            json_extract(decode(state), '$.data.asked.min_payout') AS least
        FROM raw_event
        WHERE topic = 'PlanPublished'
    )
)
