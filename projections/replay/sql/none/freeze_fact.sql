-- No freezes: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS STRING) AS kind,
    CAST(NULL AS BIGINT) AS member
WHERE 1 = 0
