-- Lapses that are not what they say, each with the first thing that is wrong (B-4).
--
-- position, bind, at_us   of the lapse: when it says that the binding of that stream lapsed
-- bind_position   of the binding; null: there is none before the lapse
-- fault           see the last CASE
-- ends_us, released_us   of the binding, by what was recorded before the lapse; null: no end, not released
-- first_position  where the same lapse was recorded first
-- recorded_at_us  when the lapse was recorded
-- stream          that it lies in
-- $ahead_us       how far the clock of a source may run ahead of ours (G-2)
WITH bound AS (
    SELECT b.stream, b.position, n.name AS member, r.name AS referrer
    FROM bound_stream AS b
    JOIN memory.main.binding_fact AS f ON f.position = b.position
    JOIN member_name AS n ON n.member = f.member
    JOIN member_name AS r ON r.member = f.referrer
),
named AS (
    SELECT
        l.*, b.position AS bind_position, b.member <> l.member OR b.referrer <> l.referrer AS is_of_others,
        min(l.position) OVER (PARTITION BY l.bind, l.at_us) AS first_position
    FROM lapse AS l
    LEFT JOIN bound AS b ON b.stream = l.bind AND b.position < l.position
),
ended AS (
    SELECT n.*, e.ends_at_us AS ends_us
    FROM named AS n
    ASOF LEFT JOIN (SELECT * FROM memory.main.binding_fact WHERE kind <> 'released') AS e
        ON e.bind = n.bind_position AND n.position > e.position
),
released AS (
    SELECT e.*, r.at_us AS released_us
    FROM ended AS e
    ASOF LEFT JOIN (SELECT * FROM memory.main.binding_fact WHERE kind = 'released') AS r
        ON r.bind = e.bind_position AND e.position > r.position
),
judged AS (
    SELECT *,
        CASE
            WHEN bind_position IS NULL THEN 'no binding'
            WHEN is_of_others THEN 'of others'
            WHEN released_us IS NOT NULL THEN 'released'
            WHEN ends_us IS DISTINCT FROM at_us THEN 'other end'
            WHEN position > first_position THEN 'twice'
            WHEN recorded_at_us + $ahead_us < at_us THEN 'too early'
            WHEN stream <> concat('expiry-', substr(stream, 8, 27), '-', bind)
                OR epoch_us(TRY_CAST(substr(stream, 8, 26) AS TIMESTAMP)) IS DISTINCT FROM at_us THEN 'other stream'
        END AS fault
    FROM released
)
SELECT position, bind, at_us, bind_position, fault, ends_us, released_us, first_position, recorded_at_us, stream
FROM judged
WHERE fault IS NOT NULL
ORDER BY position
