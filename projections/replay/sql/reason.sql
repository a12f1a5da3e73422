-- The outcomes of a level of an order (A-3) by the numbers that stand for them in all other statements: number, reason.
SELECT number, reason
FROM (
    VALUES
        (0, 'paid'), (1, 'no_plan'), (2, 'released'), (3, 'expired'), (4, 'not_bound'), (5, 'chain_ended'),
        (6, 'repeat'), (7, 'self'), (8, 'level_not_paid'), (9, 'rounds_to_zero')
) AS r (number, reason)
