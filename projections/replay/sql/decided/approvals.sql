-- Approvals, in order, with the batch that was approved.
--
-- position, lines, total_minor, lines_hash   what was reserved
-- known_position   the head when it was decided: the position before its first event
SELECT
    a.position, a.stream, a.lines, a.total_minor, a.lines_hash, b.currency, b.cut_off_us,
    least(a.position, coalesce((SELECT min(d.position) FROM drop_fact AS d WHERE d.batch = a.stream), a.position)) - 1
        AS known_position
FROM batch_fact AS a
JOIN batch_fact AS b ON b.stream = a.stream AND b.kind = 'prepared'
WHERE a.kind = 'approved'
ORDER BY a.position
