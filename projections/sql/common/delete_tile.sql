-- Takes a tile out.
DELETE FROM tree_tile WHERE tile_row = :tile_row AND tile_index = :tile_index
