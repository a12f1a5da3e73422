-- An order worth looking at: paid on as many levels as possible, and partly refunded if there is one.
SELECT o.order_stream
FROM order_outcome AS o
LEFT JOIN order_refund AS r ON r.order_position = o.position
ORDER BY (CASE WHEN o.reason_1 = 'paid' THEN 1 ELSE 0 END) + (CASE WHEN o.reason_2 = 'paid' THEN 1 ELSE 0 END)
         + (CASE WHEN o.reason_3 = 'paid' THEN 1 ELSE 0 END) DESC,
         CASE WHEN r.amount_minor < o.amount_minor THEN 0 ELSE 1 END, o.amount_minor DESC, o.position
LIMIT 1
