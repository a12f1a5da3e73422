-- The tables of the schema that is looked in first.
SELECT relname::text
FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r'
ORDER BY relname
