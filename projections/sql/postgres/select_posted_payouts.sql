-- When the last posting of payouts of one batch counts, where there is one after the reservation.
--
-- keys  bigint[]  their numbers
SELECT p.no, p.value_at_us
FROM unnest(:keys::bigint[]) AS k (no)
JOIN payout AS p ON p.batch = :batch AND p.no = k.no
WHERE p.value_at_us IS NOT NULL
