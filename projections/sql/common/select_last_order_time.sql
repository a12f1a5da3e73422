-- When the latest order happened; null without orders.
SELECT max(occurred_at_us) FROM order_outcome
