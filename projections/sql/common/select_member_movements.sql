-- Every posting of a member's adjustments and payouts in a currency, in order of position. Minor units, signed.
SELECT kind, stream, no, position, value_at_us, adjusted_minor, reserved_minor, paid_minor
FROM member_movement
WHERE member = :member AND currency = :currency
ORDER BY position
