-- tables/outcomes: every order by T, and what each level got, or why not (A-3). From the relations of the replay.
SELECT
    o.stream AS "order", o.position, make_timestamptz(o.at_us) AS occurred_at, b.name AS member, o.currency,
    o.amount_minor AS amount, o.plan, make_timestamptz(o.at_us + t.hold_us) AS available_at, l.refunded_minor AS refunded,
    r1.reason AS outcome_1, n1.name AS beneficiary_1, l.commission_1, l.commission_1 - l.clawback_1 AS kept_1,
    r2.reason AS outcome_2, n2.name AS beneficiary_2, l.commission_2, l.commission_2 - l.clawback_2 AS kept_2,
    r3.reason AS outcome_3, n3.name AS beneficiary_3, l.commission_3, l.commission_3 - l.clawback_3 AS kept_3
FROM order_outcome AS l
INNER JOIN order_fact AS o ON o.position = l.position
INNER JOIN member_name AS b ON b.member = o.member
INNER JOIN reason AS r1 ON r1.number = l.reason_1
INNER JOIN reason AS r2 ON r2.number = l.reason_2
INNER JOIN reason AS r3 ON r3.number = l.reason_3
LEFT JOIN plan_term AS t ON t.plan = o.plan
LEFT JOIN member_name AS n1 ON n1.member = l.beneficiary_1
LEFT JOIN member_name AS n2 ON n2.member = l.beneficiary_2
LEFT JOIN member_name AS n3 ON n3.member = l.beneficiary_3
ORDER BY o.position
