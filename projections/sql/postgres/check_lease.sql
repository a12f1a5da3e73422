-- Answers only while the session that holds the lease is there.
SELECT true
