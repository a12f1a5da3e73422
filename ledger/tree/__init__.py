"""The transparency log over the stored bytes: RFC 6962 hashing."""
