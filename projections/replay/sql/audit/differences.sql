-- Rows of a live table that are not what they must be: the row as it is, the row as it must be, in order of the key. A side
-- that there is not has nothing but nulls.
--
-- {table}  the live table as copied
-- {kept}   which of its rows are looked at
-- {key}    columns of its key
SELECT l, e
FROM (SELECT * FROM live_{table} WHERE {kept}) AS l
FULL JOIN expected_{table} AS e USING ({key})
WHERE l IS DISTINCT FROM e
ORDER BY {key}
