-- How far a projection has come; no row: not begun.
SELECT position FROM checkpoint WHERE projection = :projection
