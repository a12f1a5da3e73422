-- Where the live tables are.
SELECT current_schema()::text
