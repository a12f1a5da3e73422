-- Notes one applied file.
INSERT INTO migration (package, number, name, sha256, applied_at_us)
VALUES (:package, :number, :name, :sha, :applied_at_us)
