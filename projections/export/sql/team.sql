-- tables/team: every member who is bound at T, and the upline then (T-1). From the relations of the replay.
SELECT
    n.name AS member, b.stream AS bind, make_timestamptz(t.bound_us) AS bound_at,
    CASE WHEN t.ends_us < 9223372036854775807 THEN make_timestamptz(t.ends_us) END AS until,
    n1.name AS referrer_1, n2.name AS referrer_2, n3.name AS referrer_3
FROM team_row AS t
INNER JOIN member_name AS n ON n.member = t.member
INNER JOIN bind_stream AS b ON b.position = t.bind
INNER JOIN member_name AS n1 ON n1.member = t.referrer_1
LEFT JOIN member_name AS n2 ON n2.member = t.referrer_2
LEFT JOIN member_name AS n3 ON n3.member = t.referrer_3
ORDER BY n.name
