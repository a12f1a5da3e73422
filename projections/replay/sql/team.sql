-- The team of a member at (T, P), three levels down and three up (T-1).
--
-- direction  down | up
-- name, via  down: a member, and who it is bound to. up: a referrer, and who is bound to it
WITH down_1 AS (
    SELECT member, referrer FROM edge_now WHERE referrer = asked_member()
),
down_2 AS (
    SELECT e.member, e.referrer FROM edge_now AS e INNER JOIN down_1 AS d ON d.member = e.referrer
),
down_3 AS (
    SELECT e.member, e.referrer FROM edge_now AS e INNER JOIN down_2 AS d ON d.member = e.referrer
),
up_1 AS (
    SELECT member, referrer FROM edge_now WHERE member = asked_member()
),
up_2 AS (
    SELECT e.member, e.referrer FROM edge_now AS e INNER JOIN up_1 AS u ON u.referrer = e.member
),
up_3 AS (
    SELECT e.member, e.referrer FROM edge_now AS e INNER JOIN up_2 AS u ON u.referrer = e.member
),
found AS (
    SELECT 'down' AS direction, 1 AS level, member, referrer AS via FROM down_1
    UNION ALL
    SELECT 'down' AS direction, 2 AS level, member, referrer AS via FROM down_2
    UNION ALL
    SELECT 'down' AS direction, 3 AS level, member, referrer AS via FROM down_3
    UNION ALL
    SELECT 'up' AS direction, 1 AS level, referrer AS member, member AS via FROM up_1
    UNION ALL
    SELECT 'up' AS direction, 2 AS level, referrer AS member, member AS via FROM up_2
    UNION ALL
    SELECT 'up' AS direction, 3 AS level, referrer AS member, member AS via FROM up_3
)
SELECT f.direction, f.level, n.name, v.name AS via
FROM found AS f
INNER JOIN member_name AS n ON n.member = f.member
INNER JOIN member_name AS v ON v.member = f.via
ORDER BY f.direction, f.level, n.name, v.name
