-- Lines of batches of raw_event (PayoutBatchLines): [number, member, amount, details or null].
INSERT INTO staged_line
SELECT position, stream, CAST(f[1] AS BIGINT), f[2], CAST(f[3] AS BIGINT), f[4]
FROM (
    SELECT position, stream, json_extract_string(line, ['$[0]', '$[1]', '$[2]', '$[3]']) AS f
    FROM (
        SELECT position, stream, unnest(json_extract(decode(state), '$.data.lines[*]')) AS line
        FROM raw_event
        WHERE topic = 'PayoutBatchLines'
    )
)
