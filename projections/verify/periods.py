"""Periods: what closing one claims, and whether it is so (rule S-4)."""

from __future__ import annotations

from datetime import timedelta

from ledger.clock import format_instant, parse_instant
from projections.verify.finance_facts import Closed, Question

_INSTANT = timedelta(microseconds=1)


def books_question(fact: Closed) -> Question:
    """The books of a period are those of the last instant before its end, as intervals are half open (G-3)."""
    last = format_instant(parse_instant(fact.end) - _INSTANT)
    return Question(fact.at_position, last, "", fact.position)
