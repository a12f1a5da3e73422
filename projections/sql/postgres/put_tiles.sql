-- Keeps tiles, in place of what was there.
--
-- a, b  rows, indexes  bigint[]
-- c     hashes         bytea[]
INSERT INTO tree_tile (tile_row, tile_index, hashes)
SELECT * FROM unnest(:a::bigint[], :b::bigint[], :c::bytea[])
ON CONFLICT (tile_row, tile_index) DO UPDATE SET hashes = excluded.hashes
