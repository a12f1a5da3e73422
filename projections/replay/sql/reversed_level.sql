-- Everybody on a level of an order of the chunk that has a reversal. Columns: level_row.
SELECT l.*
FROM order_row AS l
WHERE l.position IN (SELECT position FROM reversed_order)
