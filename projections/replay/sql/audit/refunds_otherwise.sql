-- Refunds whose outcome is not what the rules say (R-1): position, that of the order or null, what was recorded, what the
-- rules say, and minor units: of the refund, refunded before of the order and of the line, paid for the order and for the line.
--
-- Without lines an order is one line. What was reversed before does not count as refunded (R-4).
WITH request AS (
    SELECT position, order_stream, at_us, line, member, currency, amount_minor, outcome,
        CASE outcome WHEN 'recorded' THEN amount_minor ELSE 0 END AS refunded_minor
    FROM refund_request
    UNION ALL
    SELECT v.position, r.order_stream, v.at_us, r.line, NULL, NULL, NULL, 'reversal', -r.amount_minor
    FROM reversal_fact AS v
    JOIN refund_request AS r ON r.position = v.refund_position
),
asked AS (
    SELECT
        r.position, r.order_stream, r.at_us, r.line, r.member, r.currency, r.amount_minor, r.outcome,
        coalesce(sum(r.refunded_minor) OVER of_order, 0) AS before_minor,
        coalesce(sum(r.refunded_minor) OVER of_line, 0) AS line_before_minor
    FROM request AS r
    WINDOW
        of_order AS (
            PARTITION BY r.order_stream ORDER BY r.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        of_line AS (
            PARTITION BY r.order_stream, r.line ORDER BY r.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
told AS (
    SELECT
        a.*, o.position AS order_position, o.at_us AS order_at_us, o.currency AS order_currency, o.amount_minor AS paid_minor,
        n.name AS buyer,
        CASE
            WHEN l.position IS NOT NULL THEN l.amount_minor
            WHEN a.line = 1 AND o.position NOT IN (SELECT position FROM order_line) THEN o.amount_minor
        END AS line_paid_minor
    FROM asked AS a
    LEFT JOIN order_fact AS o ON o.stream = a.order_stream AND o.position < a.position
    LEFT JOIN member_name AS n ON n.member = o.member
    LEFT JOIN order_line AS l ON l.position = o.position AND l.line = a.line
),
decided AS (
    SELECT *,
        CASE
            WHEN order_position IS NULL THEN 'unknown_order'
            WHEN currency <> order_currency THEN 'wrong_currency'
            WHEN member <> buyer THEN 'wrong_member'
            WHEN line IS NOT NULL AND line_paid_minor IS NULL THEN 'unknown_line'
            WHEN at_us < order_at_us THEN 'before_order'
            WHEN before_minor + amount_minor > paid_minor THEN 'exceeds_paid'
            WHEN line IS NOT NULL AND line_before_minor + amount_minor > line_paid_minor THEN 'exceeds_paid'
            ELSE 'recorded'
        END AS decided
    FROM told
)
SELECT
    position, order_position, outcome, decided, amount_minor, CAST(before_minor AS BIGINT), paid_minor,
    line, CAST(line_before_minor AS BIGINT), line_paid_minor
FROM decided
WHERE outcome <> 'reversal' AND outcome <> decided
ORDER BY position
