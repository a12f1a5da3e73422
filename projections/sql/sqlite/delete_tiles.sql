-- Takes a tile out, if it is there: row, index.
DELETE FROM tree_tile WHERE tile_row = ? AND tile_index = ?
