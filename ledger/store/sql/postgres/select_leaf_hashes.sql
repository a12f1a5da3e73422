-- The leaf hashes of the events with positions in (after, upto], joined in their order, and how many (rule V-1).
--
-- Computed where the stored bytes are: to send those would take longer.
SELECT coalesce(string_agg(sha256('\x00'::bytea || state), ''::bytea ORDER BY position), ''::bytea), count(*)
FROM event
WHERE position > :after AND position <= :upto
