-- The writer role keeps the read models, which can always be rebuilt.
--
-- Repeated by every `refledger init`, after the migrations.
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoint, team_binding, order_outcome, order_refund, balance, projection_status
    TO refledger_writer;
