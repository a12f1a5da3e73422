-- One row per numbered SQL file that was applied, with its checksum.
CREATE TABLE IF NOT EXISTS migration (
    package text NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at_us bigint NOT NULL,
    PRIMARY KEY (package, number)
)
