"""The rule book a second time: SQL for money, teams and outcomes; a sequential decider for bindings."""
