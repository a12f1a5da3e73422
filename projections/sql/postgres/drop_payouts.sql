-- Lines that are not paid after all.
--
-- a batch, b no bigint[]  c reason text[]
UPDATE payout AS t
SET dropped = u.reason
FROM unnest(:a::bigint[], :b::bigint[], :c::text[]) AS u (batch, no, reason)
WHERE t.batch = u.batch AND t.no = u.no
