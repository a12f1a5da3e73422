-- Who is bound to whom at T, by facts up to P (T-1): member, referrer.
--
-- bind      position of the fact that began the binding
-- bound_us  when it began
-- ends_us   when it ends as far as these facts say; the largest integer: no end
SELECT member, referrer, bind, from_us AS bound_us, ends_us
FROM piece
WHERE above_position <= at_position() AND at_position() < upto_position
    AND from_us <= as_of_us() AND as_of_us() < until_us AND as_of_us() < ends_us
