-- Payouts of raw_event. The number of the line is what follows the last dot of the stream.
INSERT INTO staged_payout
SELECT
    position,
    CASE topic
        WHEN 'PayoutSubmitted' THEN 'submitted'
        WHEN 'PayoutPaid' THEN 'paid'
        WHEN 'PayoutFailed' THEN 'failed'
        WHEN 'PayoutReturned' THEN 'returned'
        ELSE 'unknown'
    END,
    micros(f[1]),
    f[2],
    CAST(regexp_extract(stream, '[0-9]+$') AS BIGINT),
    CAST(f[3] AS BIGINT),
    f[4],
    f[5],
    CAST(f[6] AS BIGINT),
    f[7],
    stream
FROM (
    SELECT position, stream, topic, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.data.batch', '$.data.attempt', '$.data.member', '$.data.currency', '$.data.amount',
            '$.data.reference'
        ]
    ) AS f
    FROM raw_event
    WHERE topic IN ('PayoutSubmitted', 'PayoutPaid', 'PayoutFailed', 'PayoutReturned', 'PayoutUnknown')
)
