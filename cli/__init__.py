"""The command line: one module per reader."""
