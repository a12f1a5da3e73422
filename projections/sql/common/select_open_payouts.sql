-- Payouts whose money is on its way: reserved, sent, or nobody knows; the oldest first.
SELECT batch_stream, batch, no, member, currency, amount_minor, details, state, dropped, attempt, reference, since_us, position
FROM payout_now
WHERE state IN ('reserved', 'submitted', 'unknown')
ORDER BY since_us, batch, no
