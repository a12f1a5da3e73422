-- The writer role keeps the read models, which can always be rebuilt.
--
-- Repeated by every `refledger init`, after the migrations.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON checkpoint, projection_status, team_binding, order_outcome, order_refund, member_order, balance, tree_tile
    TO refledger_writer;
GRANT SELECT ON member_position TO refledger_writer;
