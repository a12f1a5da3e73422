-- The levels of the chunk's orders on which somebody stands who has a claim. Columns: level_row.
SELECT l.*
FROM every_level AS l
WHERE l.beneficiary IN (SELECT member FROM claim)
