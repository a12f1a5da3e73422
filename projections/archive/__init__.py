"""The archive: sealed segments of the log as Parquet, typed and as stored, with the roots that prove them."""
