-- Ends of bindings that raw_event moves (BindingReleased, BindingRenewed). BindingExpired moves nothing (B-4).
INSERT INTO staged_binding
SELECT
    position,
    CASE topic WHEN 'BindingReleased' THEN 'released' ELSE 'renewed' END,
    f[2],
    f[3],
    f[4],
    micros(f[1]),
    micros(f[5])
FROM (
    SELECT position, topic, json_extract_string(
        decode(state), ['$.occurred_at', '$.data.bind', '$.data.member', '$.data.referrer', '$.data.ends_at']
    ) AS f
    FROM raw_event
    WHERE topic IN ('BindingReleased', 'BindingRenewed')
)
