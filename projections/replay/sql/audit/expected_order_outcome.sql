-- What the live table must hold: every order by T, as the second engine has it. Columns: projections.commissions.
SELECT
    o.position, o.stream AS order_stream, o.at_us AS occurred_at_us, o.at_us + coalesce(t.hold_us, 0) AS available_at_us,
    b.name AS member, o.currency, o.amount_minor, o.plan,
    n1.name AS member_1, r1.reason AS reason_1, l.commission_1,
    n2.name AS member_2, r2.reason AS reason_2, l.commission_2,
    n3.name AS member_3, r3.reason AS reason_3, l.commission_3
FROM order_outcome AS l
JOIN order_fact AS o ON o.position = l.position
JOIN member_name AS b ON b.member = o.member
JOIN reason AS r1 ON r1.number = l.reason_1
JOIN reason AS r2 ON r2.number = l.reason_2
JOIN reason AS r3 ON r3.number = l.reason_3
LEFT JOIN plan_term AS t ON t.plan = o.plan
LEFT JOIN member_name AS n1 ON n1.member = l.beneficiary_1
LEFT JOIN member_name AS n2 ON n2.member = l.beneficiary_2
LEFT JOIN member_name AS n3 ON n3.member = l.beneficiary_3
