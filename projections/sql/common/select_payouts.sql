-- The payouts of a batch, in order.
SELECT batch_stream, batch, no, member, currency, amount_minor, details, state, dropped, attempt, reference, since_us, position
FROM payout_now
WHERE batch = :batch
ORDER BY no
