-- The events that changed a binding after it was granted.
SELECT position FROM derived_change WHERE bind = :bind ORDER BY position
