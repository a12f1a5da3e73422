-- No adjustments: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS STRING) AS kind,
    CAST(NULL AS BIGINT) AS at_us,
    CAST(NULL AS BIGINT) AS member,
    CAST(NULL AS STRING) AS currency,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS STRING) AS actor,
    CAST(NULL AS STRING) AS stream
WHERE 1 = 0
