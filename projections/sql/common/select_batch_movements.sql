-- What the postings of each batch's payouts come to: reserved and paid, in minor units.
SELECT stream, CAST(sum(reserved_minor) AS bigint), CAST(sum(paid_minor) AS bigint)
FROM member_movement
WHERE no IS NOT NULL
GROUP BY stream
