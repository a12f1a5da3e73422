-- Bindings of raw_event (MemberBound).
INSERT INTO staged_binding
SELECT position, 'bound', stream, f[2], f[3], micros(f[1]), micros(f[4])
FROM (
    SELECT position, stream, json_extract_string(
        decode(state), ['$.occurred_at', '$.data.asked.member', '$.data.asked.inviter', '$.data.ends_at']
    ) AS f
    FROM raw_event
    WHERE topic = 'MemberBound'
)
