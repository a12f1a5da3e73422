"""Benchmarks: what the ledger does per second, beside its peers and its limits."""
