-- What Spark says differently from the common SQL: whole division of integers >= 0, rounded down.
CREATE OR REPLACE TEMPORARY FUNCTION idiv(a BIGINT, b BIGINT) RETURNS BIGINT RETURN a div b;
