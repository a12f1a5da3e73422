"""The rule book a second time, from its text alone: by sets, not one event after the other (projections/README.md)."""
