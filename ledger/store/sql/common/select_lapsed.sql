-- Bindings that lapsed by `upto` and whose lapse is not recorded yet, oldest first, at most `most`.
SELECT member, position, bind, version, referrer, bound_at_us, ends_at_us, plan, released_at_us, lapsed_at_us
FROM decision_binding
WHERE released_at_us IS NULL AND ends_at_us IS NOT NULL AND (lapsed_at_us IS NULL OR lapsed_at_us <> ends_at_us)
  AND ends_at_us <= :upto
ORDER BY ends_at_us, position
LIMIT :most
