-- The currency of a batch that was prepared.
SELECT currency FROM decision_batch WHERE batch = :batch LIMIT 1
