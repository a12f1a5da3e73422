-- Facts whose order, refund or binding is not in the log before them.
SELECT position
FROM (
    SELECT position, order_position AS earlier FROM refund_fact
    UNION ALL SELECT position, refund_position FROM reversal_fact
    UNION ALL SELECT position, bind FROM binding_fact WHERE kind <> 'bound'
)
WHERE coalesce(earlier >= position, true)
ORDER BY position
LIMIT 1
