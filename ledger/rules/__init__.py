"""The rule book as pure functions: no clock, no random, no database. Each cites the rule it is."""
