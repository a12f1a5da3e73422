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

-- The append lock: held until the transaction ends, one per log, whatever the search path of who takes it.
CREATE FUNCTION refledger_lock_append(log oid) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('refledger append'), (log::bigint & 2147483647)::integer)
$$;

CREATE FUNCTION refledger_serialise_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The same lock; called by no name that another search path might not find.
    PERFORM pg_advisory_xact_lock(hashtext('refledger append'), (TG_RELID::bigint & 2147483647)::integer);
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

-- Positions follow one another, also those of a manual INSERT: a gap would look like the end of the log.
CREATE FUNCTION refledger_check_positions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
    last bigint;
    rows bigint;
    follows boolean;
BEGIN
    SELECT min(position), max(position), count(*) INTO first, last, rows FROM inserted;
    EXECUTE format('SELECT $1 = 1 OR EXISTS (SELECT 1 FROM %I.%I WHERE position = $1 - 1)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO follows USING first;
    IF rows > 0 AND (last - first + 1 <> rows OR NOT follows) THEN
        RAISE EXCEPTION 'the event log is append-only: the next position is needed, % to % leave a gap', first, last;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER event_in_order AFTER INSERT ON event
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION refledger_check_positions();

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refledger_refuse_change();
