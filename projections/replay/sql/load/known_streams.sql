-- Orders, refunds and bindings of an earlier range that facts of this one refer to, from earlier_event(position, stream, topic)
-- and earlier_binding(position, referrer): referrers by the position of the `bound` fact.
INSERT INTO known_stream
SELECT e.position, e.stream, n.name
FROM earlier_event AS e
LEFT JOIN earlier_binding AS b ON b.position = e.position
LEFT JOIN member_name AS n ON n.member = b.referrer
WHERE e.topic IN ('OrderPlaced', 'OrderRefunded', 'MemberBound') AND e.stream IN (
    SELECT order_stream FROM staged_refund
    UNION ALL SELECT refund_stream FROM staged_reversal
    UNION ALL SELECT bind FROM staged_binding WHERE kind <> 'bound'
)
