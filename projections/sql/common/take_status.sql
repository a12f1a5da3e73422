-- A worker leads a projection from now on; what the one before it left is history.
INSERT INTO projection_status (projection, owner, state, since_us, seen_at_us, events_per_second)
VALUES (:projection, :owner, 'running', :now, :now, 0)
ON CONFLICT (projection) DO UPDATE
SET owner = excluded.owner, state = excluded.state, since_us = excluded.since_us, seen_at_us = excluded.seen_at_us,
    events_per_second = 0, failed_position = NULL, failed_stream = NULL, reason = NULL
