-- An adjustment was approved or rejected: stream, state, position, at_us, by, reason.
UPDATE adjustment
SET state = ?2, decided_position = ?3, decided_at_us = ?4, decided_by = ?5, decided_reason = ?6
WHERE stream = ?1
