-- The positions of the payout batches that were prepared by a time.
--
-- as_of  microseconds since 1970
SELECT position
FROM payout_batch
WHERE at_us <= :as_of
