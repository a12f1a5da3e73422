"""Minor units as decimal numbers, and back: exact, and one spelling of each."""

from __future__ import annotations

import re

# One digit more than the sum of a million of the largest amounts (G-1) has.
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,19})(?:\.([0-9]+))?")


def decimal_text(amount_minor: int, exponent: int) -> str:
    """Minor units with all decimals of their currency: 13912 with exponent 2 is `139.12`, with exponent 0 `13912`."""
    sign = "-" if amount_minor < 0 else ""
    if exponent == 0:
        return f"{sign}{abs(amount_minor)}"
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{rest:0{exponent}d}"


def minor_of(text: str, exponent: int) -> int:
    """Minor units of a decimal number that is not negative; the other way round than `decimal_text`.

    Raises:
        ValueError: a sign, a needless zero in front, or not exactly the exponent's digits after the point.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or len(match[2] or "") != exponent:
        example = decimal_text(13912, exponent)
        raise ValueError(f"must be an amount with {exponent} decimal places, like {example}")
    return int(match[1] + (match[2] or ""))
