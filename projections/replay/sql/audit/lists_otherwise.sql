-- Orders that the lists of whom they concern do not name as they must, of orders by T: position, name of the member, whether it
-- is listed and whether it must be, until when the list says that it is open, and until when it is.
WITH listed AS (
    SELECT member, CAST(position AS BIGINT) AS position, max(until_us) AS until_us
    FROM (SELECT member, until_us, unnest(string_split(positions, ',')) AS position FROM live_member_order)
    GROUP BY ALL
),
open_until AS (
    SELECT o.position, greatest(o.available_at_us, coalesce(r.value_at_us, o.available_at_us)) AS until_us
    FROM expected_order_outcome AS o
    LEFT JOIN (
        SELECT order_position, max(value_at_us) AS value_at_us FROM expected_order_refund GROUP BY order_position
    ) AS r ON r.order_position = o.position
),
concerned AS (
    SELECT position, member FROM expected_order_outcome
    UNION SELECT position, member_1 FROM expected_order_outcome WHERE member_1 IS NOT NULL
    UNION SELECT position, member_2 FROM expected_order_outcome WHERE member_2 IS NOT NULL
    UNION SELECT position, member_3 FROM expected_order_outcome WHERE member_3 IS NOT NULL
)
SELECT
    position, member, l.until_us IS NOT NULL AS is_listed, c.position IS NOT NULL AS is_concerned,
    l.until_us, u.until_us AS open_until_us
FROM (SELECT * FROM listed WHERE position NOT IN (SELECT position FROM order_fact WHERE at_us > as_of_us())) AS l
FULL JOIN concerned AS c USING (position, member)
LEFT JOIN open_until AS u USING (position)
WHERE is_listed <> is_concerned OR l.until_us < u.until_us
ORDER BY position, member
