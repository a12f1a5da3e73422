-- Adds one account's postings of adjustments and payouts to its sums: member, currency, adjusted, reserved, paid (minor
-- units), and how many they are.
INSERT INTO balance AS b (member, currency, earned_minor, clawed_back_minor, adjusted_minor, reserved_minor, paid_minor, movements)
VALUES (?, ?, 0, 0, ?, ?, ?, ?)
ON CONFLICT (member, currency) DO UPDATE
SET adjusted_minor = b.adjusted_minor + excluded.adjusted_minor,
    reserved_minor = b.reserved_minor + excluded.reserved_minor,
    paid_minor = b.paid_minor + excluded.paid_minor,
    movements = b.movements + excluded.movements
