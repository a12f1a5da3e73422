-- What happened to payouts last.
--
-- a batch, b no bigint[]  c state text[]  d attempt bigint[]  e reference text[]
-- f value_at_us bigint[]  of the last posting; null: none but the reservation
-- g at_us, h position bigint[]
UPDATE payout AS t
SET state = u.state, attempt = u.attempt, reference = coalesce(u.reference, t.reference), value_at_us = u.value_at_us,
    changed_at_us = u.at_us, changed_position = u.position
FROM unnest(:a::bigint[], :b::bigint[], :c::text[], :d::bigint[], :e::text[], :f::bigint[], :g::bigint[], :h::bigint[])
     AS u (batch, no, state, attempt, reference, value_at_us, at_us, position)
WHERE t.batch = u.batch AND t.no = u.no
