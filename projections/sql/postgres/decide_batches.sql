-- Batches were approved or rejected.
--
-- a stream, b state text[]  c position, d at_us bigint[]  e by, f reason text[]
-- g lines, h total bigint[]  i hash text[]   what was reserved; null: nothing
UPDATE payout_batch AS t
SET state = u.state, decided_position = u.position, decided_at_us = u.at_us, decided_by = u.by, decided_reason = u.reason,
    reserved_lines = u.lines, reserved_minor = u.total, reserved_hash = u.hash
FROM unnest(:a::text[], :b::text[], :c::bigint[], :d::bigint[], :e::text[], :f::text[], :g::bigint[], :h::bigint[], :i::text[])
     AS u (stream, state, position, at_us, by, reason, lines, total, hash)
WHERE t.stream = u.stream COLLATE "C"
