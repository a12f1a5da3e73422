-- Orders, refunds and bindings that facts of this range refer to and that are neither in it nor known.
SELECT stream
FROM (
    SELECT order_stream AS stream FROM staged_refund WHERE order_stream NOT IN (SELECT stream FROM staged_order)
    UNION
    SELECT refund_stream FROM staged_reversal WHERE refund_stream NOT IN (SELECT stream FROM staged_refund)
    UNION
    SELECT bind FROM staged_binding
    WHERE kind <> 'bound' AND bind NOT IN (SELECT bind FROM staged_binding WHERE kind = 'bound')
)
WHERE stream NOT IN (SELECT stream FROM known_stream)
