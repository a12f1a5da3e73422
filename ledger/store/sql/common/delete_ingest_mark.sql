-- An input is through: fed again, it is a new one.
DELETE FROM ingest_mark WHERE source = :source AND input = :input
