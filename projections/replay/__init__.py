"""The second implementation of the rule book: set-based SQL over relations, and a decider of bindings of its own."""
