-- Refunds of raw_event (OrderRefunded); a refused refund moves nothing.
INSERT INTO staged_refund
SELECT position, stream, micros(f[1]), stream_of('order', f[2], f[3]), CAST(f[4] AS BIGINT)
FROM (
    SELECT position, stream, json_extract_string(
        decode(state), ['$.occurred_at', '$.data.asked.order', '$.source', '$.data.asked.amount']
    ) AS f
    FROM raw_event
    WHERE topic = 'OrderRefunded'
)
