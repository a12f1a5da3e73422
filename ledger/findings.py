"""What a control finds: counter-examples to what must be so, and what is worth knowing beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.clock import format_instant, from_micros
from ledger.store.session import Row


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    subject    what it is about: a row, a stream, a member
    message    what is wrong, for a person
    positions  of the events behind it
    """

    subject: str
    message: str
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that is no counter-example: a control that has only notes has passed.

    message    for a person
    positions  of the events to look at first
    """

    message: str
    positions: tuple[int, ...] = ()


def differing(columns: Iterable[str], found: Row, expected: Row) -> str:
    """What is wrong with a row of a table, for a person.

    Args:
        columns: their names, in order.
        found: the row as it is; nothing but None: there is none.
        expected: the row as it must be, likewise.
    """
    if all([value is None for value in found]):
        return "is missing"
    if all([value is None for value in expected]):
        return "is there, but the log says nothing of it"
    return ", ".join(
        [
            f"{name} is {_readable(name, is_now)} instead of {_readable(name, must_be)}"
            for name, is_now, must_be in zip(columns, found, expected, strict=True)
            if is_now != must_be
        ]
    )


def instant(micros: int) -> str:
    """An instant for a person, also one that no calendar has."""
    try:
        return format_instant(from_micros(micros))
    except OverflowError:
        return f"{micros} microseconds"


def _readable(column: str, value: str | int | None) -> str:
    if value is None:
        return "nothing"
    return instant(int(value)) if column.endswith("_us") else str(value)
