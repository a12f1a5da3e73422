"""The log in a database: one interface, two engines, SQL in files."""
