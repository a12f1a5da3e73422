"""The log carried out of the store: as evidence that proves itself, or to be looked at. README.md has the formats."""
