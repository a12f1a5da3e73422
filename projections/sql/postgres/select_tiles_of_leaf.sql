-- The tiles that the proof of a leaf is made from, those that are there: in each row the one above the leaf, and the last.
--
-- leaf, size  index of the leaf; how many leaves the tree has
--
-- LIMIT keeps the sub-select whole: a planner without statistics would read all tiles.
SELECT t.tile_row, t.tile_index, t.hashes
FROM generate_series(0, 6) AS r (tile_row)
CROSS JOIN LATERAL (
    VALUES (:leaf::int8 >> (8 * (r.tile_row + 1))), (:size::int8 >> (8 * (r.tile_row + 1)))
) AS i (tile_index)
CROSS JOIN LATERAL (
    SELECT tile_row, tile_index, hashes FROM tree_tile WHERE tile_row = r.tile_row AND tile_index = i.tile_index LIMIT 1
) AS t
