-- Bindings that begin while another one of their member is in force (B-1, B-2): the other's position and own position, name
-- of the member, when it begins, and until when the other one is in force.
SELECT o.other, o.bind, n.name, o.from_us, o.other_until_us
FROM (
    SELECT
        member, bind, from_us, max(until_us) OVER earlier AS other_until_us, arg_max(bind, until_us) OVER earlier AS other
    FROM recorded_binding
    WHERE from_us < until_us
    WINDOW earlier AS (
        PARTITION BY member ORDER BY from_us, bind ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
) AS o
JOIN member_name AS n ON n.member = o.member
WHERE o.from_us < o.other_until_us
ORDER BY o.bind
