-- Reversals of raw_event (RefundReversed); a refused reversal gives nothing back.
INSERT INTO staged_reversal
SELECT position, stream, micros(f[1]), stream_of('refund', f[2], f[3])
FROM (
    SELECT position, stream, json_extract_string(
        decode(state), ['$.occurred_at', '$.data.asked.refund', '$.source']
    ) AS f
    FROM raw_event
    WHERE topic = 'RefundReversed'
)
