-- No reversals: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS BIGINT) AS at_us,
    CAST(NULL AS BIGINT) AS refund_position,
    CAST(NULL AS STRING) AS stream
WHERE 1 = 0
