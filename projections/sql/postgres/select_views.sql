-- The views of a schema.
SELECT relname::text
FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind = 'v'
ORDER BY relname
