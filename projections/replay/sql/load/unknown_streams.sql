-- Orders and bindings that facts of this range refer to and that are neither in it nor known.
SELECT stream
FROM (
    SELECT order_stream AS stream FROM staged_refund WHERE order_stream NOT IN (SELECT stream FROM staged_order)
    UNION
    SELECT bind FROM staged_binding
    WHERE kind <> 'bound' AND bind NOT IN (SELECT bind FROM staged_binding WHERE kind = 'bound')
)
WHERE stream NOT IN (SELECT stream FROM known_stream)
