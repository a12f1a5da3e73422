"""The figures of one question as every replay gives them, whichever engine ran the statements."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from projections import figures
from projections.balances import Balance
from projections.replay.pipeline import Question
from projections.replay.roots import root_of_lines


def answered(  # noqa: PLR0913  # the facts of one replay
    question: Question,
    *,
    as_of: datetime,
    at_position: int,
    engine: str,
    content_root: str,
    started: float,
    balances: Sequence[Balance] = (),
) -> figures.Replay:
    """All figures of a question.

    Args:
        question: asked as of T at P.
        as_of: T.
        at_position: P.
        engine: its name.
        content_root: of positions 1..P (G-8).
        started: when the replay began, by time.perf_counter.
        balances: those that were asked for.
    """
    digest = root_of_lines(question.lines())
    totals = {row[0]: _total(row) for row in question.totals()}
    levels = _levels(question)
    outcomes = {row.reason: row.order_levels for row in question.outcomes()}
    return figures.Replay(
        as_of=as_of,
        at_position=at_position,
        engine=engine,
        events=at_position,
        seconds=time.perf_counter() - started,
        digest=digest,
        content_root=content_root,
        totals=totals,
        levels=levels,
        outcomes=outcomes,
        balances=balances,
    )


def balances_of(question: Question) -> Iterator[Balance]:
    """Every balance, in order, as all projections name its amounts."""
    for row in question.balances():
        yield Balance(
            member=row.member,
            currency=row.currency,
            earned=row.earned,
            clawed_back=row.clawed_back,
            adjusted=row.adjusted,
            pending=row.pending,
            available=row.available,
            reserved=row.reserved,
            paid=row.paid,
        )


def _total(row: tuple[Any, ...]) -> figures.CurrencyTotals:
    _, earned, clawed_back, adjusted, pending, available, reserved, paid, members = row
    return figures.CurrencyTotals(
        earned=earned,
        clawed_back=clawed_back,
        adjusted=adjusted,
        pending=pending,
        available=available,
        reserved=reserved,
        paid=paid,
        members=members,
    )


def _levels(question: Question) -> dict[str, dict[int, figures.LevelTotals]]:
    levels: dict[str, dict[int, figures.LevelTotals]] = {}
    for currency, level, *amounts in question.levels():
        levels.setdefault(currency, {})[level] = figures.LevelTotals(*amounts)
    return levels
