-- How the tables of the attached file are made, and then their indexes: the table it is about, the statement.
SELECT tbl_name, sql
FROM new.sqlite_master
WHERE type <> 'view' AND sql IS NOT NULL AND tbl_name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY type = 'index', rowid
