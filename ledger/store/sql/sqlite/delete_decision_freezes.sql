-- Takes a row out of the decision state: member, position.
DELETE FROM decision_freeze WHERE member = ? AND position = ?
