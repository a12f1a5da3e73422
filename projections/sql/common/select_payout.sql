-- One payout: the stream of its batch, and which of its payouts it is.
SELECT batch_stream, batch, no, member, currency, amount_minor, details, state, dropped, attempt, reference, since_us, position
FROM payout_now
WHERE batch_stream = :stream AND no = :no
