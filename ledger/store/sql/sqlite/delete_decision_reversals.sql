-- Takes a row out of the decision state: refund_stream, position.
DELETE FROM decision_reversal WHERE refund_stream = ? AND position = ?
