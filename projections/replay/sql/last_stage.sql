-- The last stage of any order of the chunk that has a reversal; null: none has.
SELECT MAX(stage) FROM reversed_step
