-- The log: one row per event, positions without gaps, only ever appended to.
--
-- position        1, 2, 3 ...; explicit, so that VACUUM never renumbers it
-- stream, version one stream per input; the unique key makes every input idempotent (G-6)
-- topic           the event's type
-- state           canonical JSON of the whole envelope (V-2)
-- recorded_at_us  microseconds since 1970, never runs backwards (G-2)
CREATE TABLE event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    stream TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 0),
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    recorded_at_us INTEGER NOT NULL,
    UNIQUE (stream, version)
) STRICT;

CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN
    SELECT raise(ABORT, 'the event log is append-only: UPDATE refused');
END;

CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN
    SELECT raise(ABORT, 'the event log is append-only: DELETE refused');
END;

-- Positions follow one another, and INSERT OR REPLACE (whose deletes fire no trigger) replaces nothing.
CREATE TRIGGER event_in_order BEFORE INSERT ON event
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM event)
     OR EXISTS (SELECT 1 FROM event WHERE stream = NEW.stream AND version = NEW.version)
BEGIN
    SELECT raise(ABORT, 'the event log is append-only: the next position and a new stream version are needed');
END;
