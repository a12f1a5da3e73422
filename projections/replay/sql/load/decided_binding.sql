-- Facts decided again, in the place of those recorded.
CREATE OR REPLACE TEMP VIEW binding_fact AS
SELECT
    position,
    CASE kind WHEN 0 THEN 'bound' WHEN 1 THEN 'released' ELSE 'renewed' END AS kind,
    bind,
    member,
    referrer,
    at_us,
    CASE WHEN ends_at_us <> -9223372036854775808 THEN ends_at_us END AS ends_at_us
FROM decided_fact
