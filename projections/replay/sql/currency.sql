-- Currencies of the orders, numbered: sums by a number cost a third less than by a text. number, currency
SELECT ROW_NUMBER() OVER (ORDER BY currency) AS number, currency
FROM (SELECT DISTINCT currency FROM order_fact) AS c
