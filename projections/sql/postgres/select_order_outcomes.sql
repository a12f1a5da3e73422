-- Orders with their outcomes, what went back of each so far, and what that took from each level; less what was reversed.
--
-- keys  text[]  order streams
SELECT o.position, o.order_stream, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
       o.member_1, o.reason_1, o.commission_1, o.member_2, o.reason_2, o.commission_2, o.member_3, o.reason_3,
       o.commission_3, r.refunded, r.clawback_1, r.clawback_2, r.clawback_3
FROM unnest(:keys::text[]) AS k (order_stream)
CROSS JOIN LATERAL (SELECT * FROM order_outcome WHERE order_stream = k.order_stream COLLATE "C") AS o
CROSS JOIN LATERAL (SELECT CAST(coalesce(sum(amount_minor), 0) AS bigint) AS refunded,
                           CAST(coalesce(sum(clawback_1), 0) AS bigint) AS clawback_1,
                           CAST(coalesce(sum(clawback_2), 0) AS bigint) AS clawback_2,
                           CAST(coalesce(sum(clawback_3), 0) AS bigint) AS clawback_3
                    FROM order_refund WHERE order_position = o.position) AS r
