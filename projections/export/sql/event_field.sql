-- What stored events say, each with the same columns. From raw_event(position, stream, version, topic, state).
--
-- member     who it is about: the buyer, who is bound or was, who is invited
-- referrer   who invites, or is or would be the referrer
-- order      stream of the order that was placed, is refunded, or renewed a binding
-- bind       stream of the binding that begins, ends or moves its end
-- reason     why something was refused, or what released a binding
-- named      every member the event names, in any role
-- data       the event's own part, word for word
SELECT
    position, stream, version AS seq, topic AS type, f[1] AS occurred_at, f[2] AS recorded_at, f[3] AS actor,
    f[4] AS source, f[5] AS id, coalesce(f[6], f[7], f[8]) AS member, coalesce(f[9], f[10]) AS referrer,
    CASE
        WHEN topic = 'OrderPlaced' THEN stream
        WHEN topic IN ('OrderRefunded', 'RefundRefused') THEN stream_of('order', f[11], f[4])
        WHEN topic = 'BindingRenewed' THEN stream_of('order', f[5], f[4])
    END AS "order",
    CASE WHEN topic = 'MemberBound' THEN stream ELSE f[12] END AS bind,
    f[13] AS currency, CAST(f[14] AS BIGINT) AS amount, coalesce(f[15], f[16]) AS reason,
    CAST(coalesce(f[17], f[18]) AS BIGINT) AS plan, f[19] AS ends_at,
    [f[6], f[7], f[8], f[9], f[10]] AS named,
    -- Quick, but with another spelling of control characters than the stored one.
    CASE
        WHEN contains(text, '\u00') THEN regexp_extract(text, '"data":(.*),"id":"', 1)
        ELSE CAST(json_extract(text, '$.data') AS VARCHAR)
    END AS data,
    state
FROM (
    SELECT position, stream, version, topic, state, decode(state) AS text, json_extract_string(
        decode(state),
        [
            '$.occurred_at', '$.recorded_at', '$.actor', '$.source', '$.id', '$.data.asked.member', '$.data.member',
            '$.data.asked.invitee', '$.data.asked.inviter', '$.data.referrer', '$.data.asked.order', '$.data.bind',
            '$.data.asked.currency', '$.data.asked.amount', '$.data.reason', '$.data.cause', '$.data.plan',
            '$.data.asked.plan', '$.data.ends_at'
        ]
    ) AS f
    FROM raw_event
)
