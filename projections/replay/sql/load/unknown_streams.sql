-- Orders and bindings that facts of this range refer to and that are not in it.
SELECT order_stream FROM staged_refund WHERE order_stream NOT IN (SELECT stream FROM staged_order)
UNION
SELECT bind FROM staged_binding WHERE kind <> 'bound' AND bind NOT IN (SELECT bind FROM staged_binding WHERE kind = 'bound')
