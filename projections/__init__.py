"""What can be derived from the log; every table here may be dropped and rebuilt."""
