"""What happened and what is allowed: events, rules, the store. Knows no read model and no terminal."""
