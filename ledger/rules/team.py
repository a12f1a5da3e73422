"""Bindings as intervals: who was bound to whom when, and would an edge close a loop (A-1, B-3, B-6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

MissingEdge = Literal["released", "expired", "not_bound"]


class Binding(NamedTuple):
    """A binding as far as it is known.

    bind         its stream, `bind-<id>`
    ends_at      where it lapses by itself, renewals included; None: never
    released_at  where an unbind or a take-over ended it; None: not released
    plan         number of the plan at bound_at
    """

    bind: str
    member: str
    referrer: str
    bound_at: datetime
    ends_at: datetime | None
    plan: int
    released_at: datetime | None = None

    def until(self) -> datetime | None:
        """The open end of its interval (B-3); None: no end."""
        return self.ends_at if self.released_at is None else self.released_at


# Every binding of one member in recording order. A bind earlier than the member's latest bound_at is refused
# (late_binding), so this is also the order of bound_at, and at most one interval contains any instant.
History = Sequence[Binding]
HistoryOf = Callable[[str], History]


def latest_at(history: History, at: datetime) -> Binding | None:
    """The latest binding with bound_at <= at, in force or not."""
    for binding in reversed(history):
        if binding.bound_at <= at:
            return binding
    return None


def in_force(history: History, at: datetime) -> Binding | None:
    """The binding in force at that instant, or None (B-3).

    The latest that began by then, if its interval `[bound_at, until)` holds the instant (G-3); all in one place, as
    it is asked for every level of every order.
    """
    for binding in reversed(history):
        if binding.bound_at <= at:
            until = binding.ends_at if binding.released_at is None else binding.released_at
            return binding if until is None or at < until else None
    return None


def why_missing(history: History, at: datetime) -> MissingEdge:
    """Why no binding is in force at that instant (A-3)."""
    binding = latest_at(history, at)
    if binding is None:
        return "not_bound"
    return "expired" if binding.released_at is None else "released"


def closes_loop(member: str, referrer: str, start: datetime, end: datetime | None, history_of: HistoryOf) -> bool:
    """Whether `referrer` is a descendant of `member`, at any depth, at some instant of `[start, end)` (B-6).

    Walks upward from the referrer, each step only within the instants at which all steps before it held. A window seen
    before is not walked again, so chains that meet cost once.
    """
    windows = [(referrer, start, end)]
    seen: set[tuple[str, datetime, datetime | None]] = set()
    while windows:
        window = windows.pop()
        if window in seen:
            continue
        seen.add(window)
        at, window_start, window_end = window
        if at == member:
            return True
        for binding in history_of(at):
            cut = _overlap(binding, window_start, window_end)
            if cut is not None:
                windows.append((binding.referrer, *cut))
    return False


def _overlap(binding: Binding, start: datetime, end: datetime | None) -> tuple[datetime, datetime | None] | None:
    """The part of `[start, end)` in which the binding is in force; None: no instant."""
    until = binding.until()
    start = max(start, binding.bound_at)
    if end is None or (until is not None and until < end):
        end = until
    return (start, end) if end is None or start < end else None
