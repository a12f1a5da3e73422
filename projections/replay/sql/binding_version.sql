-- What each binding fact makes of its member's newest binding, until the member's next fact (A-1, B-3, B-5).
--
-- member, referrer  dense numbers
-- bind              position of the fact that began the binding
-- bound_us          when the binding began; never before the member's earlier bindings began (B-6, late_binding)
-- ends_us           when it ends as far as facts up to this one say; the largest integer: no end
-- ended             why it is not in force from then on: 2 released, 3 expired (as in `reason`)
-- above_position    events above it see the fact ...
-- upto_position     ... and up to here no later one
-- next_bound_us     when the next binding begins, if the next fact is its beginning; else null
-- facts             how many facts the member has
--
-- A take-over's release may stand at the position of its bind: the release of the older binding comes first.
-- A release ends a binding for good: no renewal recorded after it brings it back.
WITH told AS (
    SELECT
        member, referrer, bind, position, ends_at_us,
        MAX(CASE WHEN kind = 'bound' THEN at_us END) OVER until_now AS bound_us,
        MAX(CASE WHEN kind = 'released' THEN bind END) OVER until_now AS released_bind,
        MAX(CASE WHEN kind = 'released' THEN at_us END) OVER until_now AS released_us,
        LEAD(position) OVER in_order AS next_position,
        LEAD(kind) OVER in_order AS next_kind,
        LEAD(at_us) OVER in_order AS next_at_us,
        COUNT(*) OVER (PARTITION BY member) AS facts
    FROM binding_fact
    WINDOW
        in_order AS (PARTITION BY member ORDER BY position, bind),
        until_now AS (PARTITION BY member ORDER BY position, bind ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT
    member, referrer, bind, bound_us,
    CASE WHEN released_bind = bind THEN released_us ELSE COALESCE(ends_at_us, 9223372036854775807) END AS ends_us,
    CASE WHEN released_bind = bind THEN 2 ELSE 3 END AS ended,
    position AS above_position,
    COALESCE(next_position, 9223372036854775807) AS upto_position,
    CASE WHEN next_kind = 'bound' THEN next_at_us END AS next_bound_us,
    facts
FROM told
