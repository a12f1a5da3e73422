-- Orders with a refund that was reversed: their clawbacks do not follow from sums alone (R-4). position
SELECT DISTINCT f.order_position AS position
FROM reversal_fact AS v
INNER JOIN refund_fact AS f ON f.position = v.refund_position
WHERE v.position <= at_position()
