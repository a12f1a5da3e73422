-- A batch was approved or rejected: stream, state, position, at_us, by, reason; lines, total and hash of what it reserved.
UPDATE payout_batch
SET state = ?2, decided_position = ?3, decided_at_us = ?4, decided_by = ?5, decided_reason = ?6,
    reserved_lines = ?7, reserved_minor = ?8, reserved_hash = ?9
WHERE stream = ?1
