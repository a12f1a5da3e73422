-- Takes a row out of the decision state: order_stream, position.
DELETE FROM decision_refund WHERE order_stream = ? AND position = ?
