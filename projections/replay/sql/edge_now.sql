-- Who is bound to whom at T, by facts up to P (T-1): member, referrer.
SELECT member, referrer
FROM piece
WHERE above_position <= at_position() AND at_position() < upto_position
    AND from_us <= as_of_us() AND as_of_us() < until_us AND as_of_us() < ends_us
