-- Adds one account's postings of a batch to its sums: member, currency, earned, clawed back (minor units).
INSERT INTO balance AS b (member, currency, earned_minor, clawed_back_minor)
VALUES (?, ?, ?, ?)
ON CONFLICT (member, currency) DO UPDATE
SET earned_minor = b.earned_minor + excluded.earned_minor,
    clawed_back_minor = b.clawed_back_minor + excluded.clawed_back_minor
