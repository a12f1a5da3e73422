-- Requests of raw_event, with what was decided. A release by a take-over was not asked for: its bind was.
-- Materialised: else the filter reads every event a second time.
INSERT INTO staged_request
WITH read AS MATERIALIZED (
    SELECT position, stream, topic, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.data.asked.type', '$.data.asked.member', '$.data.asked.inviter', '$.data.asked.invite',
            '$.data.asked.invitee', '$.source', '$.data.asked.expires_at', '$.data.reason'
        ]
    ) AS f
    FROM raw_event
    WHERE topic IN ('MemberInvited', 'MemberBound', 'BindingRefused', 'BindingReleased', 'UnbindRefused')
)
SELECT
    position,
    f[2],
    micros(f[1]),
    CASE f[2] WHEN 'invite' THEN f[6] ELSE f[3] END,
    f[4],
    CASE f[2] WHEN 'invite' THEN stream ELSE CASE WHEN f[5] IS NOT NULL THEN stream_of('invite', f[5], f[7]) END END,
    micros(f[8]),
    CASE topic
        WHEN 'MemberInvited' THEN 'recorded'
        WHEN 'MemberBound' THEN 'bound'
        WHEN 'BindingReleased' THEN 'released'
        ELSE f[9]
    END
FROM read
WHERE f[2] IS NOT NULL
