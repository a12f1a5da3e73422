-- A row if any order of the chunk has a refund that was reversed.
SELECT position FROM reversed_order WHERE position BETWEEN chunk_first() AND chunk_last() LIMIT 1
