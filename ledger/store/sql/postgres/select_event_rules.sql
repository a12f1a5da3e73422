-- Rewrite rules of the log, which would put another statement in the place of an INSERT.
SELECT rulename FROM pg_rewrite WHERE ev_class = 'event'::regclass ORDER BY rulename
