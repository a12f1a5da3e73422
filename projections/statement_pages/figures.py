"""How figures are said to a member: grouped, with their currency's decimals and a real minus."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from ledger.money import PPM

_MINUS, _GROUP = "\u2212", ","
_PPM_DIGITS = 6
_DAY = timedelta(days=1)


def money(amount_minor: int, exponent: int) -> str:
    """Minor units as an amount: 123456789 with exponent 2 is `1,234,567.89`."""
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    fraction = f".{rest:0{exponent}d}" if exponent else ""
    return f"{_sign(amount_minor)}{whole:{_GROUP}}{fraction}"


def signed(amount_minor: int, exponent: int) -> str:
    """As `money`, what is added with a plus."""
    return f"+{money(amount_minor, exponent)}" if amount_minor > 0 else money(amount_minor, exponent)


def exact(ppm_minor: int, exponent: int) -> str:
    """Millionths of a minor unit as an amount to its last digit, at least with the currency's: 499500000 is `4.995`."""
    digits = exponent + _PPM_DIGITS
    whole, rest = divmod(abs(ppm_minor), 10**digits)
    fraction = f"{rest:0{digits}d}"
    kept = fraction[:exponent] + fraction[exponent:].rstrip("0")
    return f"{_sign(ppm_minor)}{whole:{_GROUP}}{f'.{kept}' if kept else ''}"


def percent(rate_ppm: int) -> str:
    """Parts per million as per cent, to the last digit: 12500 is `1.25 %`."""
    whole, rest = divmod(rate_ppm, PPM // 100)
    fraction = f"{rest:04d}".rstrip("0")
    return f"{whole}{f'.{fraction}' if fraction else ''}\u00a0%"


def day(at: datetime) -> str:
    """The day of an instant, UTC."""
    return at.date().isoformat()


def instant(at: datetime) -> str:
    """An instant, UTC, with as many digits as it has."""
    return f"{at.replace(tzinfo=None).isoformat(' ')} UTC"


def period(start: datetime | None, end: datetime) -> str:
    """From when to when: whole days by their first and last, others by their instants."""
    if any(at is not None and at.time() != time.min for at in (start, end)):
        until = f"before {instant(end)}"
        return until if start is None else f"from {instant(start)}, {until}"
    last = day(end - _DAY)
    return f"up to {last}" if start is None else f"{day(start)} to {last}"


def _sign(number: int) -> str:
    return _MINUS if number < 0 else ""
