-- Every binding as it was recorded, by all that the log says of it (B-3).
--
-- bind         position of its MemberBound
-- member, referrer   numbers
-- from_us      when it begins
-- ends_us      where it lapses by itself, by the last that was said; null: never
-- released_us  where it was ended; null: it was not
-- until_us     the open end of its interval; the largest integer: no end
SELECT
    *, coalesce(released_us, ends_us, 9223372036854775807) AS until_us
FROM (
    SELECT
        bind,
        max(CASE kind WHEN 'bound' THEN member END) AS member,
        max(CASE kind WHEN 'bound' THEN referrer END) AS referrer,
        max(CASE kind WHEN 'bound' THEN at_us END) AS from_us,
        arg_max(ends_at_us, position) AS ends_us,
        min(CASE kind WHEN 'released' THEN at_us END) AS released_us
    FROM binding_fact
    GROUP BY bind
)
