-- Microseconds since 1970 of a canonical time (V-2); NULL stays NULL.
CREATE MACRO micros(instant) AS epoch_us(CAST(substr(instant, 1, 26) AS TIMESTAMP))
