-- Orders of raw_event (OrderPlaced).
INSERT INTO staged_order
SELECT position, stream, micros(f[1]), f[2], f[3], CAST(f[4] AS BIGINT), CAST(f[5] AS BIGINT)
FROM (
    SELECT position, stream, json_extract_string(
        decode(state),
        ['$.occurred_at', '$.data.asked.member', '$.data.asked.currency', '$.data.asked.amount', '$.data.plan']
    ) AS f
    FROM raw_event
    WHERE topic = 'OrderPlaced'
)
