-- The pieces that look-ups of level n can meet: of the members that `looked_up` names.
--
-- Columns as in near_piece. Of a long log most members have no order in a chunk; the rest need not be joined.
SELECT p.member, p.from_us, p.until_us, p.above_position, p.upto_position, p.ends_us, p.ended, p.referrer
FROM near_piece AS p
WHERE p.member IN (SELECT member FROM looked_up)
