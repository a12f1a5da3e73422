-- The latest binding of a member for every instant t and event position q, as rectangles that never overlap (A-1, B-3).
--
-- A row holds for from_us <= t < until_us and above_position < q <= upto_position: there the member's latest binding with
-- bound_at <= t, of those recorded below q, has this referrer until ends_us, and is `ended` (released | expired) from
-- then on. Where no row holds the member has no binding yet (not_bound).
--
-- is_newest  1: what a fact says until the member's next fact. 0: when that next fact begins another binding, the older
--            one stays the latest for the instants before it, whatever is recorded later: positions and beginnings
--            of a member's bindings rise together
-- facts      how many facts the member has
SELECT
    member, bound_us AS from_us, 9223372036854775807 AS until_us, above_position, upto_position,
    ends_us, ended, referrer, 1 AS is_newest, facts
FROM binding_version
WHERE above_position < upto_position
UNION ALL
SELECT
    member, bound_us AS from_us, next_bound_us AS until_us, upto_position AS above_position,
    9223372036854775807 AS upto_position, ends_us, ended, referrer, 0 AS is_newest, facts
FROM binding_version
WHERE bound_us < next_bound_us
