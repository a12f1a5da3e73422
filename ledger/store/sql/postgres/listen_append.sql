-- Wants to be woken by appends.
LISTEN refledger_event
