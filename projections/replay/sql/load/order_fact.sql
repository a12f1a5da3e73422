-- Orders with members as numbers.
CREATE TABLE order_fact AS
SELECT o.position, o.at_us, m.member, o.currency, o.amount_minor, o.plan, o.stream
FROM staged_order AS o
JOIN named_member AS m ON m.name = o.name
ORDER BY o.position
