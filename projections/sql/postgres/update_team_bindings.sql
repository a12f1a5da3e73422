-- Moves the end of bindings that were renewed or released.
--
-- a member text[]  b position bigint[]  c ends_at_us, d released_at_us bigint[]
UPDATE team_binding AS t
SET ends_at_us = u.ends_at_us, released_at_us = u.released_at_us
FROM unnest(:a::text[], :b::bigint[], :c::bigint[], :d::bigint[]) AS u (member, position, ends_at_us, released_at_us)
WHERE t.member = u.member COLLATE "C" AND t.position = u.position
