-- Tiles that a tree of this size does not have.
SELECT tile_row, tile_index
FROM tree_tile
WHERE CASE
    WHEN tile_row BETWEEN 0 AND 7
    THEN tile_index NOT BETWEEN 0 AND ((CAST(:size AS bigint) >> CAST(8 * tile_row AS integer)) - 1) >> 8
    ELSE TRUE
END
ORDER BY tile_row, tile_index
LIMIT :most
