-- Adds one batch of postings to the sums.
--
-- a, b  members, currencies  text[]   sorted: writers lock in one order
-- c, d  earned, clawed back  bigint[] changes, minor units
INSERT INTO balance AS b (member, currency, earned_minor, clawed_back_minor)
SELECT * FROM unnest(:a::text[], :b::text[], :c::bigint[], :d::bigint[])
ON CONFLICT (member, currency) DO UPDATE
SET earned_minor = b.earned_minor + excluded.earned_minor,
    clawed_back_minor = b.clawed_back_minor + excluded.clawed_back_minor
