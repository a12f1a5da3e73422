-- The writer role: may append events, keep the decision state and the read models; may change or delete no event.
--
-- Repeated by every `refledger init`, after the migrations.
GRANT USAGE ON SCHEMA public TO refledger_writer;
GRANT SELECT, INSERT ON event TO refledger_writer;
GRANT SELECT, INSERT, UPDATE ON decision_binding, decision_refund TO refledger_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_mark TO refledger_writer;
GRANT SELECT ON migration TO refledger_writer;
