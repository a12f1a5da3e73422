-- Further attempts at payouts, each of which takes again what is payable at its batch's cut-off (X-4).
--
-- position, stream, member, amount_minor   of the submission
-- currency    its number
-- as_of_us    the cut-off
SELECT p.position, p.stream, p.member, c.number AS currency, b.cut_off_us AS as_of_us, p.amount_minor
FROM payout_fact AS p
INNER JOIN batch_fact AS b ON b.stream = p.batch AND b.kind = 'prepared'
INNER JOIN currency AS c ON c.currency = p.currency
WHERE p.kind = 'submitted' AND p.attempt > 1 AND p.position <= at_position()
