"""Journals: the postings as files for the accounting programs ledger, hledger and beancount."""
