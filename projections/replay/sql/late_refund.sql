-- A row if any refund up to P is dated after T.
SELECT position FROM refund_fact WHERE position <= at_position() AND at_us > as_of_us() LIMIT 1
