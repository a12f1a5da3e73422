-- The first event whose bytes do not end as its topic's do in the version this code reads: type and version are the
-- last keys of every envelope. topics, tails: topics and those ends.
SELECT position, topic
FROM raw_event
WHERE coalesce(NOT suffix(decode(state), map($topics, $tails)[topic]), true)
ORDER BY position
LIMIT 1
