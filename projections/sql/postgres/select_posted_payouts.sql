-- When the last posting of payouts of one batch counts, where there is one after the reservation.
--
-- keys  bigint[]  their numbers
SELECT p.no, p.value_at_us
FROM unnest(:keys::bigint[]) AS k (no)
CROSS JOIN LATERAL (SELECT no, value_at_us FROM payout WHERE batch = :batch AND no = k.no LIMIT 1) AS p
WHERE p.value_at_us IS NOT NULL
