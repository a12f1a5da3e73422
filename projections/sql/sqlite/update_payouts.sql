-- What happened to a payout last: batch, no, state, attempt, reference, value_at_us of its last posting, at_us, position.
UPDATE payout
SET state = ?3, attempt = ?4, reference = coalesce(?5, reference), value_at_us = ?6, changed_at_us = ?7,
    changed_position = ?8
WHERE batch = ?1 AND no = ?2
