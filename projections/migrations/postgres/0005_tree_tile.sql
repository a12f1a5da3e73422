-- Hashes of the log's tree (rule V-1), side by side: what proofs and signed heads are made from.
--
-- tile_row    0: of single events; each further row has one hash for a full tile of the row below
-- tile_index  from 0, within the row
-- hashes      1 to 256 of 32 bytes, joined; with less it is the last of its row and grows
CREATE TABLE tree_tile (
    tile_row bigint NOT NULL CHECK (tile_row BETWEEN 0 AND 7),
    tile_index bigint NOT NULL CHECK (tile_index >= 0),
    hashes bytea NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (tile_row, tile_index)
);

-- Nothing compresses hashes.
ALTER TABLE tree_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
