-- Where a payout batch of a currency was last prepared, approved or rejected; null: never.
SELECT max(position) FROM decision_batch WHERE currency = :currency
