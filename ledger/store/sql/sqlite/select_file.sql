-- Where the store is; an empty text for one in memory.
SELECT file FROM pragma_database_list WHERE name = 'main'
