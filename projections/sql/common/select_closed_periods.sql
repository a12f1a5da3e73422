-- Every closed period, in order.
SELECT end_us, position, at_position, at_us, closed_by, digest, root, trial_balance FROM period_close ORDER BY end_us
