-- The tiles that the proof of a leaf is made from, those that are there: in each row the one above the leaf, and the last.
--
-- leaf, size  index of the leaf; how many leaves the tree has
SELECT t.tile_row, t.tile_index, t.hashes
FROM json_each('[0, 1, 2, 3, 4, 5, 6]') AS r
CROSS JOIN tree_tile AS t
    ON t.tile_row = r.value AND t.tile_index IN (:leaf >> (8 * (r.value + 1)), :size >> (8 * (r.value + 1)))
