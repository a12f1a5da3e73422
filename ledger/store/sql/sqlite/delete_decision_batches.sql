-- Takes a row out of the decision state: currency, position.
DELETE FROM decision_batch WHERE currency = ? AND position = ?
