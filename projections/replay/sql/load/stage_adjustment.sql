-- Adjustments of raw_event: what was proposed, and what was posted, which counts from value_at on.
INSERT INTO staged_adjustment
SELECT
    position,
    CASE topic WHEN 'AdjustmentProposed' THEN 'proposed' WHEN 'AdjustmentPosted' THEN 'posted' ELSE 'rejected' END,
    micros(coalesce(f[2], f[1])),
    coalesce(f[3], f[4]),
    coalesce(f[5], f[6]),
    CAST(coalesce(f[7], f[8]) AS BIGINT),
    f[9],
    stream
FROM (
    SELECT position, stream, topic, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.data.value_at', '$.data.member', '$.data.asked.member', '$.data.currency',
            '$.data.asked.currency', '$.data.amount', '$.data.asked.amount', '$.data.by.name'
        ]
    ) AS f
    FROM raw_event
    WHERE topic IN ('AdjustmentProposed', 'AdjustmentPosted', 'AdjustmentRejected')
)
