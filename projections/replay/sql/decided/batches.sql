-- Prepared batches, in order.
SELECT
    position, stream, at_us, actor, currency, cut_off_us, known_position, plan, lines, left_out, total_minor,
    lines_hash, digest
FROM batch_fact
WHERE kind = 'prepared'
ORDER BY position
