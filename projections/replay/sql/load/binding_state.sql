-- Bindings, granted both times, that came to something else when they were decided again.
--
-- $upto    the last position, P. What follows from the record at P may be recorded after it: the renewal of an order at
--          P, the bind whose take-over released a binding at P. Such facts are left out on both sides.
-- bind     position of the bind
-- ends_at  where it lapses, renewals included; released_at: where it was ended; as recorded and as decided again
WITH fact AS (
    SELECT 'recorded' AS side, * FROM memory.main.binding_fact WHERE position < $upto OR kind <> 'released'
    UNION ALL SELECT 'decided', * FROM binding_fact WHERE position < $upto OR kind = 'bound'
),
state AS (
    SELECT
        side,
        bind,
        max(CASE kind WHEN 'bound' THEN member END) AS member,
        max(CASE kind WHEN 'bound' THEN referrer END) AS referrer,
        max(CASE kind WHEN 'bound' THEN at_us END) AS bound_at_us,
        -- Renewals only ever move an end further; what is recorded may say otherwise.
        arg_max(ends_at_us, position) AS ends_at_us,
        max(CASE kind WHEN 'released' THEN at_us END) AS released_at_us
    FROM fact
    GROUP BY side, bind
)
SELECT r.bind, n.name, r.ends_at_us, d.ends_at_us, r.released_at_us, d.released_at_us
FROM state AS r
JOIN state AS d ON d.bind = r.bind
JOIN member_name AS n ON n.member = r.member
WHERE r.side = 'recorded'
  AND d.side = 'decided'
  AND (
      r.member <> d.member
      OR r.referrer <> d.referrer
      OR r.bound_at_us <> d.bound_at_us
      OR r.ends_at_us IS DISTINCT FROM d.ends_at_us
      OR r.released_at_us IS DISTINCT FROM d.released_at_us
  )
ORDER BY r.bind
