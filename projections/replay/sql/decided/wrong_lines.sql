-- Lines of the batch just judged (`payable`, `frozen`, as of its cut-off and the head when it was approved) that should
-- have been dropped, or kept (X-3). ?: the stream of the batch
--
-- number, name, amount_minor   of the line
-- payable_minor, is_frozen     what was payable then, and whether to nobody
-- reason                       why it was dropped; null: it was reserved
SELECT
    l.number, n.name, l.amount_minor, coalesce(p.payable_minor, 0) AS payable_minor, f.member IS NOT NULL AS is_frozen,
    d.reason
FROM line_fact AS l
JOIN member_name AS n ON n.member = l.member
LEFT JOIN payable AS p ON p.member = l.member
LEFT JOIN frozen AS f ON f.member = l.member
LEFT JOIN drop_fact AS d ON d.batch = l.batch AND d.number = l.number
WHERE l.batch = ?
  AND CASE d.reason
      WHEN 'frozen' THEN f.member IS NULL
      WHEN 'not_covered' THEN coalesce(p.payable_minor, 0) >= l.amount_minor
      ELSE f.member IS NOT NULL OR coalesce(p.payable_minor, 0) < l.amount_minor
  END
ORDER BY l.number
