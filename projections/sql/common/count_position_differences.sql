-- As count_differences, of which orders concern whom: how they lie in rows depends on the batches that wrote them.
--
-- {live}  where the live tables are; the new ones are found without it
SELECT (SELECT count(*) FROM {live}.{table}),
       (SELECT count(*) FROM {table}),
       (SELECT count(*) FROM (SELECT member, position FROM {live}.member_position
                              EXCEPT SELECT member, position FROM member_position) AS only_live),
       (SELECT count(*) FROM (SELECT member, position FROM member_position
                              EXCEPT SELECT member, position FROM {live}.member_position) AS only_new)
