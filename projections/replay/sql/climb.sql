-- One step up for every climber: the same as a join with `piece`, in n log n however many facts a member has (A-1).
--
-- Columns as in climb_start; three steps make an upline.
--
-- Pieces and questions of a member are laid on one line, twice. In order of position the last newest piece before a question
-- is the latest binding it sees; if that begins only after the question's instant, then the last older piece in order of
-- time is the one. Of equals a fact comes after a question by position (only lower positions are seen) and before it
-- by time (an interval holds at its start).
WITH asked AS (
    SELECT DISTINCT member FROM climber WHERE member IS NOT NULL
),
line AS (
    SELECT member, position, at_us, 0 AS is_piece, 0 AS is_newest FROM climber WHERE member IS NOT NULL
    UNION ALL
    SELECT p.member, p.above_position AS position, p.from_us AS at_us, 1 AS is_piece, p.is_newest
    FROM piece AS p INNER JOIN asked AS a ON a.member = p.member
),
placed AS (
    SELECT
        member, position, at_us, is_piece,
        MAX(CASE WHEN is_piece = 1 AND is_newest = 1 THEN position END) OVER (
            PARTITION BY member ORDER BY position, is_piece
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS newest_above,
        MAX(CASE WHEN is_piece = 1 AND is_newest = 0 THEN position END) OVER (
            PARTITION BY member ORDER BY at_us, is_piece DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS older_above
    FROM line
),
found AS (
    SELECT
        q.position,
        CASE WHEN q.at_us >= n.from_us THEN n.referrer ELSE h.referrer END AS referrer,
        CASE WHEN q.at_us >= n.from_us THEN n.ends_us ELSE h.ends_us END AS ends_us,
        CASE WHEN q.at_us >= n.from_us THEN n.ended ELSE h.ended END AS ended
    FROM placed AS q
    LEFT JOIN piece AS n ON n.member = q.member AND n.above_position = q.newest_above AND n.is_newest = 1
    LEFT JOIN piece AS h
        ON h.member = q.member AND h.above_position = q.older_above AND h.is_newest = 0
        AND h.above_position < q.position
    WHERE q.is_piece = 0
),
edge AS (
    SELECT
        c.position, c.at_us, c.member, c.referrer_1, c.referrer_2, c.referrer_3, c.missing,
        CASE WHEN c.at_us < f.ends_us THEN f.referrer END AS referrer,
        CASE
            WHEN c.member IS NULL OR c.at_us < f.ends_us THEN NULL
            ELSE COALESCE(f.ended, 4)
        END AS why
    FROM climber AS c
    LEFT JOIN found AS f ON f.position = c.position
)
SELECT
    position, at_us, referrer AS member,
    COALESCE(referrer_1, referrer) AS referrer_1,
    CASE WHEN referrer_1 IS NOT NULL THEN COALESCE(referrer_2, referrer) END AS referrer_2,
    CASE WHEN referrer_2 IS NOT NULL THEN referrer END AS referrer_3,
    COALESCE(missing, why) AS missing
FROM edge
