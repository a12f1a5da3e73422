-- Adds one batch of postings of adjustments and payouts to the sums.
--
-- a, b     members, currencies      text[]   sorted: writers lock in one order
-- c, d, e  adjusted, reserved, paid bigint[] changes, minor units
-- f        how many postings        bigint[]
INSERT INTO balance AS b (member, currency, earned_minor, clawed_back_minor, adjusted_minor, reserved_minor, paid_minor, movements)
SELECT member, currency, 0, 0, adjusted_minor, reserved_minor, paid_minor, movements
FROM unnest(:a::text[], :b::text[], :c::bigint[], :d::bigint[], :e::bigint[], :f::bigint[])
     AS u (member, currency, adjusted_minor, reserved_minor, paid_minor, movements)
ON CONFLICT (member, currency) DO UPDATE
SET adjusted_minor = b.adjusted_minor + excluded.adjusted_minor,
    reserved_minor = b.reserved_minor + excluded.reserved_minor,
    paid_minor = b.paid_minor + excluded.paid_minor,
    movements = b.movements + excluded.movements
