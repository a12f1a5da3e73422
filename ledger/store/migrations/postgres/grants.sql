-- The writer role: may append events, keep the decision state and the read models; may change or delete no event.
--
-- Repeated by every `refledger init`, after the migrations.
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO refledger_writer', current_schema()); END $$;
GRANT SELECT, INSERT ON event TO refledger_writer;
GRANT SELECT, INSERT ON decision_binding, decision_refund, decision_reversal, decision_freeze, decision_batch,
    decision_reference TO refledger_writer;
GRANT UPDATE (version, ends_at_us, released_at_us, lapsed_at_us) ON decision_binding TO refledger_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_mark TO refledger_writer;
GRANT SELECT ON migration TO refledger_writer;
