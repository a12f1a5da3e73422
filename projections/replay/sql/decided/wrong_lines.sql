-- Lines of the batch just judged (`payable`, `frozen`, as of its cut-off and the head when it was approved) that should
-- have been dropped, or kept, or dropped for another reason: the first that applies (X-3). ?: the stream of the batch
--
-- number, name, amount_minor   of the line
-- payable_minor, is_frozen     what was payable then, and whether to nobody
-- is_unknown                   the batch has details of payees, but none of this one
-- reason                       why it was dropped; null: it was reserved
WITH judged AS (
    SELECT
        l.number, n.name, l.amount_minor, coalesce(p.payable_minor, 0) AS payable_minor,
        f.member IS NOT NULL AS is_frozen, l.details IS NULL AND bool_or(l.details IS NOT NULL) OVER () AS is_unknown,
        d.reason
    FROM line_fact AS l
    JOIN member_name AS n ON n.member = l.member
    LEFT JOIN payable AS p ON p.member = l.member
    LEFT JOIN frozen AS f ON f.member = l.member
    LEFT JOIN drop_fact AS d ON d.batch = l.batch AND d.number = l.number
    WHERE l.batch = ?
)
SELECT *
FROM judged
WHERE reason IS DISTINCT FROM CASE
    WHEN payable_minor < amount_minor THEN 'not_covered'
    WHEN is_frozen THEN 'frozen'
    WHEN is_unknown THEN 'no_details'
END
ORDER BY number
