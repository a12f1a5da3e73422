-- Currencies of orders and of money beside them, numbered: sums by a number cost a third less than by a text.
--
-- number, currency
SELECT ROW_NUMBER() OVER (ORDER BY currency) AS number, currency
FROM (
    SELECT currency FROM order_fact
    UNION
    SELECT currency FROM adjustment_fact WHERE kind = 'posted'
    UNION
    SELECT currency FROM batch_fact WHERE kind = 'prepared'
    UNION
    SELECT currency FROM payout_fact
) AS c
