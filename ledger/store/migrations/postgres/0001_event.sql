-- The log: one row per event, positions without gaps, only ever appended to.
--
-- position        1, 2, 3 ...; assigned under the append lock
-- stream, version one stream per input; the unique key makes every input idempotent (G-6)
-- topic           the event's type
-- state           canonical JSON of the whole envelope (V-2)
-- recorded_at_us  microseconds since 1970, never runs backwards (G-2)
CREATE TABLE event (
    position bigint PRIMARY KEY CHECK (position > 0),
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 0),
    topic text NOT NULL,
    state bytea NOT NULL,
    recorded_at_us bigint NOT NULL,
    CONSTRAINT event_stream_version UNIQUE (stream, version)
);

-- Serialises appends; held until the transaction ends, and one per schema.
CREATE FUNCTION refledger_lock_append() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('refledger append ' || current_schema(), 0))
$$;

CREATE FUNCTION refledger_serialise_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refledger_lock_append();
    RETURN NULL;
END
$$;

CREATE FUNCTION refledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % refused', TG_OP;
END
$$;

-- Also a manual INSERT waits its turn.
CREATE TRIGGER event_serialised BEFORE INSERT ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refledger_serialise_insert();

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refledger_refuse_change();
