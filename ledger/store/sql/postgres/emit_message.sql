-- Writes something, so that there is something to wait for; who may only read may do so.
SELECT pg_logical_emit_message(true, 'refledger', 'settled')
