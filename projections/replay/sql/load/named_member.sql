-- Members that this range names, with their numbers: new ones get the next, in the order of their first positions. All
-- joins by name go through this table; of member_name, which may be far larger, one is enough.
CREATE TABLE named_member AS
SELECT
    coalesce(
        known.member,
        (SELECT coalesce(max(member), 0) FROM member_name)
        + row_number() OVER (PARTITION BY known.member IS NULL ORDER BY named.position, named.name)
    ) AS member,
    named.name,
    known.member IS NULL AS is_new
FROM (
    SELECT name, min(position) AS position
    FROM (
        SELECT name, position FROM staged_order
        UNION ALL SELECT name, position FROM staged_request
        UNION ALL SELECT inviter, position FROM staged_request
        UNION ALL SELECT name, position FROM staged_binding
        UNION ALL SELECT referrer, position FROM staged_binding
        UNION ALL SELECT referrer, position FROM known_stream
        UNION ALL SELECT name, position FROM staged_adjustment
        UNION ALL SELECT name, position FROM staged_line
        UNION ALL SELECT name, position FROM staged_payout
        UNION ALL SELECT name, position FROM staged_freeze
    )
    WHERE name IS NOT NULL
    GROUP BY name
) AS named
LEFT JOIN member_name AS known ON known.name = named.name
