-- Takes out what a refund took, which its reversal gives back, once: order, line, amount.
DELETE FROM derived_refund WHERE refund_stream = :refund RETURNING order_stream, line, amount_minor
