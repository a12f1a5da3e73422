-- Takes a row out of the decision state: reference, position.
DELETE FROM decision_reference WHERE reference = ? AND position = ?
