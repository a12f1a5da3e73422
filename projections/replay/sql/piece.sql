-- The latest binding of a member for every instant t and event position q, as rectangles that never overlap (A-1, B-3).
--
-- A row holds for from_us <= t < until_us and above_position < q <= upto_position: there the member's latest binding with
-- bound_at <= t, of those recorded below q, has this referrer until ends_us, and is `ended` (2 released, 3 expired)
-- from then on. Where no row holds the member has no binding yet (not_bound).
--
-- bind       position of the fact that began the binding
-- is_newest  1: what a fact says until the member's next fact. 0: when that next fact begins another binding, the older
--            one stays the latest for the instants before it, whatever is recorded later: positions and beginnings
--            of a member's bindings rise together
-- facts      how many facts the member has
SELECT
    v.member, v.bound_us AS from_us,
    CASE WHEN n.is_newest = 1 THEN 9223372036854775807 ELSE v.next_bound_us END AS until_us,
    CASE WHEN n.is_newest = 1 THEN v.above_position ELSE v.upto_position END AS above_position,
    CASE WHEN n.is_newest = 1 THEN v.upto_position ELSE 9223372036854775807 END AS upto_position,
    v.ends_us, v.ended, v.referrer, v.bind, n.is_newest, v.facts
FROM binding_version AS v
CROSS JOIN (VALUES (0), (1)) AS n (is_newest)
WHERE CASE WHEN n.is_newest = 1 THEN v.above_position < v.upto_position ELSE v.bound_us < v.next_bound_us END
