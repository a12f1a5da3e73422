-- The hashes of a tile; no row: it is not kept.
SELECT hashes FROM tree_tile WHERE tile_row = :tile_row AND tile_index = :tile_index
