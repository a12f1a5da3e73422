-- Moves a checkpoint from where this runner left it; touches no row if another runner moved it meanwhile.
UPDATE checkpoint SET position = :upto WHERE projection = :projection AND position = :after
