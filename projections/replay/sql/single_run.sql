-- Every refund as a run of its own, where each of them is asked for. Columns: refund_run.
SELECT order_position, CASE WHEN before_minor = 0 THEN 1 ELSE 0 END AS is_first, before_minor, after_minor
FROM refund_step
