-- How far an input file that is being fed in has come; gone once it is through.
--
-- input   SHA-256 of its first line
-- lines   how many of its lines are decided
-- prefix  SHA-256 over those lines: another file is never taken for this one
CREATE TABLE ingest_mark (
    source text COLLATE "C" NOT NULL,
    input text COLLATE "C" NOT NULL,
    lines bigint NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    PRIMARY KEY (source, input)
);
