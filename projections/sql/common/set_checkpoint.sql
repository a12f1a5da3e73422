-- Where a new version of the tables stands, as it takes the old one's place.
INSERT INTO checkpoint (projection, position) VALUES (:projection, :position)
ON CONFLICT (projection) DO UPDATE SET position = excluded.position
