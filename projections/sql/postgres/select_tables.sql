-- The tables of a schema, in the order in which they are locked.
SELECT relname::text
FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind = 'r'
ORDER BY relname
