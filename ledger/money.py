"""Money: limits of integer counts of minor units, and of rates in parts per million (G-1)."""

from __future__ import annotations

MINOR_MAX = (1 << 43) - 1
PPM = 1_000_000
DAYS_MAX = 36_500
