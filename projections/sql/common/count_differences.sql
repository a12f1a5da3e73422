-- Rows of a table, live and new, and how many each has that the other does not.
--
-- {live}   where the live tables are; the new ones are found without it
-- {table}  the table
SELECT (SELECT count(*) FROM {live}.{table}),
       (SELECT count(*) FROM {table}),
       (SELECT count(*) FROM (SELECT * FROM {live}.{table} EXCEPT SELECT * FROM {table}) AS only_live),
       (SELECT count(*) FROM (SELECT * FROM {table} EXCEPT SELECT * FROM {live}.{table}) AS only_new)
