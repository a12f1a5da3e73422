-- What happened to a payout after it was reserved, in order.
SELECT position, kind, attempt, at_us, value_at_us, actor, reference, reason, file
FROM payout_step
WHERE batch = :batch AND no = :no
ORDER BY position
