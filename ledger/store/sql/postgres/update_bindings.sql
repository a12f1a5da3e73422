-- Moves what may move of a binding: its stream's version, its end, its release, its recorded lapse.
--
-- a member text[]  b position bigint[]  c version bigint[]  d ends_at_us, e released_at_us, f lapsed_at_us bigint[]
UPDATE decision_binding AS b
SET version = u.version, ends_at_us = u.ends_at_us, released_at_us = u.released_at_us, lapsed_at_us = u.lapsed_at_us
FROM unnest(:a::text[], :b::bigint[], :c::bigint[], :d::bigint[], :e::bigint[], :f::bigint[])
    AS u (member, position, version, ends_at_us, released_at_us, lapsed_at_us)
WHERE b.member = u.member COLLATE "C" AND b.position = u.position
