"""The offline verifier: an exported log, proven and computed again, with next to nothing installed (rule V-4)."""
