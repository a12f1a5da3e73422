"""What a control finds: a counter-example to what must be so."""

from __future__ import annotations

from dataclasses import dataclass


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
