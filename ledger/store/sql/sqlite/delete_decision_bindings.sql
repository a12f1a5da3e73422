-- Takes a row out of the decision state: member, position.
DELETE FROM decision_binding WHERE member = ? AND position = ?
