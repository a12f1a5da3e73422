-- Tables of a schema that whoever asks may not replace.
SELECT relname::text
FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind = 'r' AND NOT pg_has_role(current_user, relowner, 'USAGE')
ORDER BY relname
