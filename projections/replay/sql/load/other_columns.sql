-- Events of raw_event whose columns are not what their bytes say: stream, version, recorded_at. The first ten.
WITH read AS MATERIALIZED (
    SELECT position, stream, version, recorded_at_us, json_extract_string(
        decode(state), ['$.stream', '$.seq', '$.recorded_at']
    ) AS f
    FROM raw_event
)
SELECT position
FROM read
WHERE coalesce(f[1] <> stream OR CAST(f[2] AS BIGINT) <> version OR micros(f[3]) <> recorded_at_us, true)
ORDER BY position
LIMIT 10
