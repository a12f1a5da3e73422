-- The currencies of the orders at some positions. ?: a list of positions.
SELECT position, currency
FROM order_fact
WHERE list_contains(?, position)
