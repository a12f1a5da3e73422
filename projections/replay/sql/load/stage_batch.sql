-- Batches of raw_event (PayoutBatchPrepared, PayoutBatchApproved, PayoutBatchRejected).
INSERT INTO batch_fact
SELECT
    position,
    CASE topic WHEN 'PayoutBatchPrepared' THEN 'prepared' WHEN 'PayoutBatchApproved' THEN 'approved' ELSE 'rejected' END,
    stream,
    micros(f[1]),
    f[2],
    f[3],
    micros(f[4]),
    CAST(f[5] AS BIGINT),
    CAST(f[6] AS BIGINT),
    CAST(f[7] AS BIGINT),
    CAST(f[8] AS BIGINT),
    CAST(f[9] AS BIGINT),
    f[10],
    f[11]
FROM (
    SELECT position, stream, topic, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.data.by.name', '$.data.asked.currency', '$.data.asked.cut_off', '$.data.at_position',
            '$.data.plan', '$.data.count', '$.data.left_out', '$.data.total', '$.data.lines', '$.data.digest'
        ]
    ) AS f
    FROM raw_event
    WHERE topic IN ('PayoutBatchPrepared', 'PayoutBatchApproved', 'PayoutBatchRejected')
)
