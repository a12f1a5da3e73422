-- What was recorded of payouts that could not be (X-4), the first reason that applies.
--
-- position, stream, kind, attempt   of the event
-- before         the state it was in: reserved, submitted, paid, failed, returned or unknown; null: not reserved
-- wrong          not_reserved | line | state | attempt
-- other          position of what it does not agree with
WITH reserved AS (
    SELECT l.batch, l.number, l.member, l.amount_minor, p.currency, l.position AS line_position, a.position
    FROM batch_fact AS a
    JOIN batch_fact AS p ON p.stream = a.stream AND p.kind = 'prepared'
    JOIN line_fact AS l ON l.batch = a.stream
    LEFT JOIN drop_fact AS d ON d.batch = l.batch AND d.number = l.number
    WHERE a.kind = 'approved' AND d.position IS NULL
),
told AS (
    SELECT
        p.*, r.position AS reserved_position, r.line_position,
        r.member IS DISTINCT FROM p.member OR r.currency IS DISTINCT FROM p.currency
        OR r.amount_minor IS DISTINCT FROM p.amount_minor AS is_otherwise,
        coalesce(lag(p.kind) OVER in_order, 'reserved') AS before,
        lag(p.attempt) OVER in_order AS attempt_before,
        lag(p.position) OVER in_order AS before_position
    FROM payout_fact AS p
    LEFT JOIN reserved AS r ON r.batch = p.batch AND r.number = p.number AND r.position < p.position
    WINDOW in_order AS (PARTITION BY p.batch, p.number ORDER BY p.position)
),
judged AS (
    SELECT
        position, stream, kind, attempt, before,
        CASE
            WHEN reserved_position IS NULL THEN 'not_reserved'
            WHEN is_otherwise THEN 'line'
            WHEN NOT list_contains(
                CASE before
                    WHEN 'reserved' THEN ['submitted']
                    WHEN 'submitted' THEN ['paid', 'failed', 'unknown']
                    WHEN 'unknown' THEN ['paid', 'failed']
                    WHEN 'paid' THEN ['returned']
                    WHEN 'failed' THEN ['submitted']
                    ELSE CAST([] AS VARCHAR[])
                END,
                kind
            ) THEN 'state'
            WHEN attempt <> coalesce(attempt_before, 0) + CASE kind WHEN 'submitted' THEN 1 ELSE 0 END THEN 'attempt'
        END AS wrong,
        line_position, before_position
    FROM told
)
SELECT position, stream, kind, attempt, before, wrong, CASE wrong WHEN 'line' THEN line_position ELSE before_position END
FROM judged
WHERE wrong IS NOT NULL
ORDER BY position
