-- Keeps a tile, in place of what was there: row, index, hashes.
INSERT INTO tree_tile (tile_row, tile_index, hashes)
VALUES (?, ?, ?)
ON CONFLICT (tile_row, tile_index) DO UPDATE SET hashes = excluded.hashes
