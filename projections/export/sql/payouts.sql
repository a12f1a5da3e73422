-- tables/payouts: every payout that is reserved by T, and what became of it by then (X-4). From the relations of the
-- replay.
--
-- A step counts from the later of its own time and that of its payout's postings before it: so does its posting (S-2).
WITH step AS (
    SELECT
        l.batch, l.number, a.position, 'reserved' AS state, a.at_us, 0 AS attempt, NULL AS reference, true AS is_posting
    FROM batch_fact AS a
    INNER JOIN line_fact AS l ON l.batch = a.stream
    LEFT JOIN drop_fact AS d ON d.batch = l.batch AND d.number = l.number
    WHERE a.kind = 'approved' AND a.position <= at_position() AND d.position IS NULL
    UNION ALL
    SELECT
        batch, number, position, kind AS state, at_us, attempt, reference,
        kind IN ('paid', 'failed', 'returned') OR kind = 'submitted' AND attempt > 1 AS is_posting
    FROM payout_fact
    WHERE position <= at_position()
),
timed AS (
    SELECT
        *,
        greatest(
            at_us,
            max(at_us) FILTER (is_posting) OVER (
                PARTITION BY batch, number ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS counts_us
    FROM step
),
told AS (
    SELECT
        batch, number, min(position) AS position, arg_max(state, position) AS state,
        arg_max(attempt, position) AS attempt, arg_max(counts_us, position) AS state_us,
        arg_max(reference, position) FILTER (reference IS NOT NULL) AS reference,
        min(counts_us) FILTER (state = 'reserved') AS reserved_us, max(counts_us) FILTER (state = 'paid') AS paid_us
    FROM timed
    WHERE counts_us <= as_of_us()
    GROUP BY batch, number
)
SELECT
    concat('payout', substring(t.batch, 6), '.', t.number) AS payout, t.batch, CAST(t.number AS BIGINT) AS number,
    n.name AS member, b.currency, CAST(l.amount_minor AS BIGINT) AS amount, t.state, CAST(t.attempt AS BIGINT) AS attempt,
    t.reference, make_timestamptz(t.reserved_us) AS reserved_at, make_timestamptz(t.state_us) AS state_at,
    make_timestamptz(t.paid_us) AS paid_at
FROM told AS t
INNER JOIN batch_fact AS b ON b.stream = t.batch AND b.kind = 'prepared'
INNER JOIN line_fact AS l ON l.batch = t.batch AND l.number = t.number
INNER JOIN member_name AS n ON n.member = l.member
WHERE t.reserved_us IS NOT NULL
ORDER BY t.position, t.number
