-- What is applied: package, number, checksum.
SELECT package, number, sha256 FROM migration ORDER BY package, number
