-- Refunds of raw_event, recorded or refused (OrderRefunded, RefundRefused).
INSERT INTO refund_request
SELECT
    position, stream, stream_of('order', f[2], f[3]), micros(f[1]), CAST(f[4] AS BIGINT), f[5], f[6],
    CAST(f[7] AS BIGINT), coalesce(f[8], 'recorded')
FROM (
    SELECT position, stream, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.data.asked.order', '$.source', '$.data.asked.line', '$.data.asked.member',
            '$.data.asked.currency', '$.data.asked.amount', '$.data.reason'
        ]
    ) AS f
    FROM raw_event
    WHERE topic IN ('OrderRefunded', 'RefundRefused')
)
