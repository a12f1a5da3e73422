-- What DuckDB says differently from the common SQL: whole division of integers >= 0, rounded down.
CREATE OR REPLACE TEMP MACRO idiv(a, b) AS a // b;
