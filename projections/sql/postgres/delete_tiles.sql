-- Takes tiles out, those that are there.
--
-- a, b  rows, indexes  bigint[]
DELETE FROM tree_tile AS t
USING unnest(:a::bigint[], :b::bigint[]) AS u (tile_row, tile_index)
WHERE t.tile_row = u.tile_row AND t.tile_index = u.tile_index
