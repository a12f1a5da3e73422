-- The leaf hashes of the events with positions in (after, upto], joined in their order, and how many (rule V-1).
--
-- Computed where the stored bytes are: to send those would take longer. Sorted below the aggregate, which takes its
-- input as it comes: told the order itself it would sort once more.
SELECT coalesce(string_agg(sha256('\x00'::bytea || state), ''::bytea), ''::bytea), count(*)
FROM (
    SELECT state
    FROM event
    WHERE position > :after AND position <= :upto
    ORDER BY position
) AS sorted
