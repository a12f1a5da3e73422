-- Payout batches, in order of position: the one of a stream, or all (null). Minor units.
SELECT position, stream, currency, at_us, cut_off_us, at_position, plan, lines, total_minor, left_out, digest, lines_hash,
       salt, prepared_by, state, decided_position, decided_at_us, decided_by, decided_reason, reserved_lines, reserved_minor,
       reserved_hash
FROM payout_batch
WHERE CAST(:stream AS text) IS NULL OR stream = :stream
ORDER BY position
