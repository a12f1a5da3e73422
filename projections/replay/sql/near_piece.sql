-- The pieces to join orders with: all of members with few facts, one piece that says 10, crowded, for each member with many.
--
-- Columns as in `piece`. Joining costs (pieces x orders) of a member; who has more than facts_joined() facts is left to `climb`.
SELECT member, from_us, until_us, above_position, upto_position, ends_us, ended, referrer
FROM piece
WHERE facts <= facts_joined()
UNION ALL
SELECT DISTINCT
    member, -9223372036854775807 AS from_us, 9223372036854775807 AS until_us, -1 AS above_position,
    9223372036854775807 AS upto_position, -9223372036854775807 AS ends_us, 10 AS ended, member AS referrer
FROM piece
WHERE facts > facts_joined()
