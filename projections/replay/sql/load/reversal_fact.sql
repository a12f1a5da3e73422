-- Reversals with the positions of their refunds, which may be of before this range.
CREATE TABLE reversal_fact AS
SELECT v.position, v.at_us, coalesce(r.position, k.position) AS refund_position, v.stream
FROM staged_reversal AS v
LEFT JOIN staged_refund AS r ON r.stream = v.refund_stream
LEFT JOIN known_stream AS k ON k.stream = v.refund_stream
ORDER BY v.position
