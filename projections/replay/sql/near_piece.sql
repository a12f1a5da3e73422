-- The pieces to join the chunk's orders with: of members with few facts those that any of the orders can see, of each member
-- with many one that says 10, crowded.
--
-- Columns as in `piece`. A join costs (pieces x orders) of a member: who has more than facts_joined() is left to `climb`.
SELECT member, from_us, until_us, above_position, upto_position, ends_us, ended, referrer
FROM piece
WHERE facts <= facts_joined() AND above_position < chunk_last() AND upto_position >= chunk_first()
UNION ALL
SELECT DISTINCT
    member, -9223372036854775807 AS from_us, 9223372036854775807 AS until_us, -1 AS above_position,
    9223372036854775807 AS upto_position, -9223372036854775807 AS ends_us, 10 AS ended, member AS referrer
FROM piece
WHERE facts > facts_joined()
