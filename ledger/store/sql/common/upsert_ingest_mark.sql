-- Notes how far an input has come.
INSERT INTO ingest_mark (source, input, lines, prefix) VALUES (:source, :input, :lines, :prefix)
ON CONFLICT (source, input) DO UPDATE SET lines = excluded.lines, prefix = excluded.prefix
