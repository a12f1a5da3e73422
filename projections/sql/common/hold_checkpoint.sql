-- Lets nobody else move a checkpoint until this transaction ends.
UPDATE checkpoint SET position = position WHERE projection = :projection
