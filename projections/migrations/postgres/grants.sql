-- The writer role keeps the read models, which can always be rebuilt.
--
-- Repeated by every `refledger init`, after the migrations.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON checkpoint, projection_status, team_binding, order_outcome, order_refund, member_order, balance, tree_tile, adjustment,
       member_freeze, payout_batch, payout, payout_step, period_close
    TO refledger_writer;
GRANT SELECT ON member_position, member_movement, payout_now TO refledger_writer;
