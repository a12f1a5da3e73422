-- No least payouts: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS BIGINT) AS plan,
    CAST(NULL AS STRING) AS currency,
    CAST(NULL AS BIGINT) AS amount_minor
WHERE 1 = 0
