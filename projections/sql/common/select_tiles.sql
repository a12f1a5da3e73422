-- Tiles side by side, in order: indexes and hashes.
SELECT tile_index, hashes
FROM tree_tile
WHERE tile_row = :tile_row AND tile_index BETWEEN :first AND :last
ORDER BY tile_index
