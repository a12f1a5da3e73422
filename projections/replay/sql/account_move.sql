-- Money that moves otherwise than by orders, by events up to P, whatever its time: adjustments and payouts (S-2).
--
-- position      of the event that moves it: of a reservation the approval, or a further attempt's submission
-- kind          adjustment, reservation, payment, release (a payout failed) or return (it came back)
-- value_us   when it counts from; within a payout time never runs backwards
-- member, currency VARCHAR
-- amount_minor  of an adjustment signed, else > 0
-- stream        of the adjustment or the payout
-- number        of the payout's line; 0 for an adjustment
WITH step AS (
    SELECT
        a.position, a.at_us, 'reservation' AS kind, l.batch, l.number, l.member, b.currency, l.amount_minor
    FROM batch_fact AS a
    INNER JOIN batch_fact AS b ON b.stream = a.stream AND b.kind = 'prepared'
    INNER JOIN line_fact AS l ON l.batch = a.stream
    LEFT JOIN drop_fact AS d ON d.batch = l.batch AND d.number = l.number
    WHERE a.kind = 'approved' AND a.position <= at_position() AND d.position IS NULL
    UNION ALL
    SELECT
        position, at_us,
        CASE kind
            WHEN 'paid' THEN 'payment' WHEN 'failed' THEN 'release' WHEN 'returned' THEN 'return' ELSE 'reservation'
        END AS kind,
        batch, number, member, currency, amount_minor
    FROM payout_fact
    WHERE position <= at_position() AND (kind IN ('paid', 'failed', 'returned') OR kind = 'submitted' AND attempt > 1)
)
SELECT
    position, kind,
    MAX(at_us) OVER (
        PARTITION BY batch, number ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS value_us,
    member, currency, amount_minor,
    concat('payout', substring(batch, 6), '.', number) AS stream, number
FROM step
UNION ALL
SELECT
    position, 'adjustment' AS kind, at_us AS value_us, member, currency, amount_minor, stream, 0 AS number
FROM adjustment_fact
WHERE kind = 'posted' AND position <= at_position()
