-- No payout batches: what there is of them in segments of before there were any.
SELECT
    CAST(NULL AS BIGINT) AS position,
    CAST(NULL AS STRING) AS kind,
    CAST(NULL AS STRING) AS stream,
    CAST(NULL AS BIGINT) AS at_us,
    CAST(NULL AS STRING) AS actor,
    CAST(NULL AS STRING) AS currency,
    CAST(NULL AS BIGINT) AS cut_off_us,
    CAST(NULL AS BIGINT) AS known_position,
    CAST(NULL AS BIGINT) AS plan,
    CAST(NULL AS BIGINT) AS lines,
    CAST(NULL AS BIGINT) AS left_out,
    CAST(NULL AS BIGINT) AS total_minor,
    CAST(NULL AS STRING) AS lines_hash,
    CAST(NULL AS STRING) AS digest
WHERE 1 = 0
