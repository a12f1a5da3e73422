-- Bindings with members as numbers; bind is the position of the `bound` fact, which may be of before this range.
CREATE TABLE binding_fact AS
SELECT
    f.position,
    f.kind,
    coalesce(b.position, k.position) AS bind,
    m.member,
    n.member AS referrer,
    f.at_us,
    f.ends_at_us
FROM staged_binding AS f
LEFT JOIN staged_binding AS b ON b.bind = f.bind AND b.kind = 'bound'
LEFT JOIN known_stream AS k ON k.stream = f.bind
JOIN named_member AS m ON m.name = f.name
LEFT JOIN named_member AS n ON n.name = coalesce(f.referrer, b.referrer, k.referrer)
ORDER BY f.position
