-- Wakes whoever follows the log, once this transaction has committed.
NOTIFY refledger_event
