-- Numbers for the members that this range is the first to name, after those that have one.
INSERT INTO member_name
SELECT (SELECT coalesce(max(member), 0) FROM member_name) + row_number() OVER (ORDER BY position, name), name
FROM (
    SELECT name, min(position) AS position
    FROM (
        SELECT name, position FROM staged_order
        UNION ALL SELECT name, position FROM staged_request WHERE name IS NOT NULL
        UNION ALL SELECT inviter, position FROM staged_request WHERE inviter IS NOT NULL
    )
    GROUP BY name
) AS named
WHERE NOT EXISTS (SELECT 1 FROM member_name AS known WHERE known.name = named.name)
