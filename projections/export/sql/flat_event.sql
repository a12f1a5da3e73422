-- The events asked for, with columns that tables have. From chosen_event.
SELECT
    position, stream, seq, type, make_timestamptz(micros(occurred_at)) AS occurred_at,
    make_timestamptz(micros(recorded_at)) AS recorded_at, actor, source, id, member, referrer, "order", bind, currency,
    amount, reason, plan, make_timestamptz(micros(ends_at)) AS ends_at, data
FROM chosen_event
WHERE is_chosen
ORDER BY position
