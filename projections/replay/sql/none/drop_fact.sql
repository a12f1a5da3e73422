-- No dropped lines: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS STRING) AS batch,
    CAST(NULL AS BIGINT) AS number,
    CAST(NULL AS STRING) AS reason
WHERE 1 = 0
