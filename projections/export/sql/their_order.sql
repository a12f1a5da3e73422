-- Orders of the members asked for: refunds of them need not name the buyer. From event_field.
INSERT INTO their_order
SELECT stream
FROM event_field
WHERE type = 'OrderPlaced' AND list_contains(getvariable('members'), member)
