"""The transparency log over the stored bytes: RFC 6962 hashing, proofs, C2SP tiles."""
