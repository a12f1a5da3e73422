-- Who keeps each projection current.
SELECT projection, owner, state, since_us, seen_at_us, events_per_second, failed_position, failed_stream, reason
FROM projection_status
