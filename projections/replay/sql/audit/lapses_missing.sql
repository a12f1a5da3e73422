-- Bindings that had lapsed when their member was bound again, with no record of that before (B-4): name of the member, position
-- of the binding and of the next one, and when it lapsed.
WITH bound AS (
    SELECT
        position, bind, member, lead(position) OVER in_order AS next_position, lead(at_us) OVER in_order AS next_at_us
    FROM memory.main.binding_fact
    WHERE kind = 'bound'
    WINDOW in_order AS (PARTITION BY member ORDER BY position)
),
ended AS (
    SELECT b.*, e.ends_at_us AS ends_us
    FROM bound AS b
    ASOF JOIN (SELECT * FROM memory.main.binding_fact WHERE kind <> 'released') AS e
        ON e.bind = b.bind AND b.next_position > e.position
    WHERE b.next_position IS NOT NULL AND e.ends_at_us <= b.next_at_us
)
SELECT n.name, e.bind, e.next_position, e.ends_us
FROM ended AS e
JOIN member_name AS n ON n.member = e.member
JOIN bound_stream AS s ON s.position = e.bind
WHERE NOT EXISTS (
    SELECT 1 FROM memory.main.binding_fact AS r
    WHERE r.bind = e.bind AND r.kind = 'released' AND r.position < e.next_position
)
AND NOT EXISTS (
    SELECT 1 FROM lapse AS l WHERE l.bind = s.stream AND l.at_us = e.ends_us AND l.position < e.next_position
)
ORDER BY e.bind
