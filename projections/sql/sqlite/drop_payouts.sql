-- A line that is not paid after all: batch, no, reason.
UPDATE payout SET dropped = ?3 WHERE batch = ?1 AND no = ?2
