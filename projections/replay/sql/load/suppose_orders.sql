-- Every order under the one plan that is supposed.
CREATE OR REPLACE TEMP VIEW order_fact AS
SELECT position, at_us, member, currency, amount_minor, (SELECT plan FROM plan_term) AS plan
FROM memory.main.order_fact
