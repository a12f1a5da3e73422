-- What each level of an order that has a reversal stands at before its first refund: its accrual.
--
-- order_position, level, running_minor
SELECT position AS order_position, level, commission_minor AS running_minor
FROM reversed_level
WHERE reason = 0
