-- How far an input file that is being fed in has come; gone once it is through.
--
-- input   SHA-256 of its first line
-- lines   how many of its lines are decided
-- prefix  SHA-256 over those lines: another file is never taken for this one
CREATE TABLE ingest_mark (
    source TEXT NOT NULL,
    input TEXT NOT NULL,
    lines INTEGER NOT NULL,
    prefix TEXT NOT NULL,
    PRIMARY KEY (source, input)
) STRICT;
