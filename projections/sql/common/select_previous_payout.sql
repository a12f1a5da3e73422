-- The last payout of a member in a currency that was reserved by a position, of a batch with no later cut-off.
--
-- Returns the stream of its batch, which of its payouts it is, and what the batch stands for: cut-off and position.
SELECT b.stream, p.no, b.cut_off_us, b.at_position
FROM payout AS p
JOIN payout_batch AS b ON b.position = p.batch
WHERE p.member = :member AND b.currency = :currency AND p.dropped IS NULL
  AND b.state = 'approved' AND b.decided_position <= :at_position AND b.cut_off_us <= :cut_off
ORDER BY b.position DESC
LIMIT 1
