-- Who keeps each projection current, and how that goes. Says nothing about what is projected: `checkpoint` does.
--
-- owner              host:pid of the worker that leads it, or led it last
-- state              running, stopped, or failed
-- since_us           when that state began
-- seen_at_us         the owner's last sign of life
-- events_per_second  of the last seconds
-- failed_position    the event it cannot go past; null where the failure is not one event's
-- failed_stream      that event's stream, where the log has it
-- reason             why it failed
CREATE TABLE projection_status (
    projection TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    seen_at_us INTEGER NOT NULL,
    events_per_second INTEGER NOT NULL,
    failed_position INTEGER,
    failed_stream TEXT,
    reason TEXT
) STRICT;
