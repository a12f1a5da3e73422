-- Lines of batches that raw_event drops (PayoutLinesDropped): [number, reason].
INSERT INTO drop_fact
SELECT position, stream, CAST(f[1] AS BIGINT), f[2]
FROM (
    SELECT position, stream, json_extract_string(line, ['$[0]', '$[1]']) AS f
    FROM (
        SELECT position, stream, unnest(json_extract(decode(state), '$.data.lines[*]')) AS line
        FROM raw_event
        WHERE topic = 'PayoutLinesDropped'
    )
)
