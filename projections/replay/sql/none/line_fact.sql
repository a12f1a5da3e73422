-- No lines of batches: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS STRING) AS batch,
    CAST(NULL AS BIGINT) AS number,
    CAST(NULL AS BIGINT) AS member,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS STRING) AS details
WHERE 1 = 0
