-- Waits until nobody else writes to this file and then keeps others from it; changes nothing, locks no attached file.
UPDATE main.checkpoint SET position = position WHERE 0
