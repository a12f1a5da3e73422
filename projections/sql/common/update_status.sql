-- A sign of life of the worker that leads a projection; nothing if another leads it by now.
UPDATE projection_status
SET state = :state, since_us = :since, seen_at_us = :now, events_per_second = :events_per_second,
    failed_position = :failed_position, failed_stream = :failed_stream, reason = :reason
WHERE projection = :projection AND owner = :owner
