-- How many bindings lapsed by `upto` without a record of it yet, when the first of them did, and the head.
SELECT count(*), min(ends_at_us), (SELECT coalesce(max(position), 0) FROM event)
FROM decision_binding
WHERE released_at_us IS NULL AND ends_at_us IS NOT NULL AND (lapsed_at_us IS NULL OR lapsed_at_us <> ends_at_us)
  AND ends_at_us <= :upto
