-- Refunds with the positions of their orders, which may be of before this range.
CREATE TABLE refund_fact AS
SELECT r.position, r.at_us, coalesce(o.position, k.position) AS order_position, r.amount_minor, r.stream
FROM staged_refund AS r
LEFT JOIN staged_order AS o ON o.stream = r.order_stream
LEFT JOIN known_stream AS k ON k.stream = r.order_stream
ORDER BY r.position
