-- How far an input had come when it was interrupted; no row: it was not.
SELECT lines, prefix FROM ingest_mark WHERE source = :source AND input = :input
