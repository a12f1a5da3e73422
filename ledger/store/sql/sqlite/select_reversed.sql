-- Which of these refunds were reversed.
--
-- keys  JSON array of refund streams
SELECT r.refund_stream
FROM json_each(:keys) AS k
CROSS JOIN decision_reversal AS r ON r.refund_stream = k.value
