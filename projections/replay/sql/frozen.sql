-- Members who are frozen by what is recorded up to P, whatever its time (X-1). member
SELECT member
FROM (
    SELECT member, kind, ROW_NUMBER() OVER (PARTITION BY member ORDER BY position DESC) AS nth
    FROM freeze_fact
    WHERE position <= at_position()
) AS f
WHERE nth = 1 AND kind = 'frozen'
