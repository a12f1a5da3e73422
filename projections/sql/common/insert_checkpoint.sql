-- A projection begins; whoever comes second changes nothing.
INSERT INTO checkpoint (projection, position) VALUES (:projection, 0) ON CONFLICT (projection) DO NOTHING
