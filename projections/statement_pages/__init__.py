"""Statements: what a member earned, lost and was paid in a period, as a page to read, print and keep."""
