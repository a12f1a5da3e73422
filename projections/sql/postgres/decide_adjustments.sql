-- Adjustments were approved or rejected.
--
-- a stream text[]  b state text[]  c position, d at_us bigint[]  e by text[]  f reason text[]
UPDATE adjustment AS t
SET state = u.state, decided_position = u.position, decided_at_us = u.at_us, decided_by = u.by, decided_reason = u.reason
FROM unnest(:a::text[], :b::text[], :c::bigint[], :d::bigint[], :e::text[], :f::text[])
     AS u (stream, state, position, at_us, by, reason)
WHERE t.stream = u.stream COLLATE "C"
