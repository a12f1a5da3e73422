-- Lapses of raw_event (BindingExpired).
INSERT INTO lapse
SELECT position, stream, micros(f[1]), recorded_at_us, f[2], f[3], f[4]
FROM (
    SELECT position, stream, recorded_at_us, json_extract_string(
        decode(state), ['$.occurred_at', '$.data.bind', '$.data.member', '$.data.referrer']
    ) AS f
    FROM raw_event
    WHERE topic = 'BindingExpired'
)
