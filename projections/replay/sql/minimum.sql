-- The plan in force at T of those recorded up to P, and its least payouts: a row each, or one without a currency (P-3, X-1).
SELECT t.plan, m.currency, m.amount_minor
FROM (
    SELECT plan, ROW_NUMBER() OVER (ORDER BY effective_from_us DESC) AS nth
    FROM plan_term
    WHERE position <= at_position() AND effective_from_us <= as_of_us()
) AS t
LEFT JOIN minimum_fact AS m ON m.plan = t.plan
WHERE t.nth = 1
ORDER BY m.currency
