"""The way from the opening to the closing balance, as bars: where they stand, in whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTH, HEIGHT = 800, 170
# Room above and below, so that a line at the edge is drawn whole.
MARGIN = 4
BAR_HEIGHT_MIN = 2

Tone = Literal["total", "more", "less"]


@dataclass(frozen=True, slots=True)
class Step:
    """One bar to be: a balance, or what changes it."""

    name: str
    amount_minor: int
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar as it stands.

    x, y, width, height  of the bar; y grows downwards
    end_y                where the balance is after it: where the line to the next bar begins
    """

    step: Step
    tone: Tone
    x: int
    y: int
    width: int
    height: int
    end_y: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All of them, side by side in slots of one width, and the line of nothing."""

    bars: Sequence[Bar]
    zero_y: int
    width: int = WIDTH
    height: int = HEIGHT


def waterfall(opening_minor: int, changes: Sequence[tuple[str, int]], closing_minor: int) -> Waterfall:
    """Bars from the opening balance over each change to the closing one."""
    steps = [
        Step("Opening", opening_minor, is_total=True),
        *(Step(name, amount) for name, amount in changes),
        Step("Closing", closing_minor, is_total=True),
    ]
    spans = _spans(steps)
    scale = _Scale(min(0, *map(min, spans)), max(0, *map(max, spans)))
    slot = WIDTH // len(steps)
    bars = [
        _bar(step, span, scale, left, slot)
        for step, span, left in zip(steps, spans, range(0, slot * len(steps), slot), strict=True)
    ]
    return Waterfall(bars, scale.y(0))


@dataclass(frozen=True, slots=True)
class _Scale:
    low: int
    high: int

    def y(self, amount_minor: int) -> int:
        """Where an amount is."""
        room = HEIGHT - 2 * MARGIN
        return MARGIN + room * (self.high - amount_minor) // max(1, self.high - self.low)


def _spans(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """From where to where each bar goes."""
    spans: list[tuple[int, int]] = []
    balance = 0
    for step in steps:
        start = 0 if step.is_total else balance
        balance = start + step.amount_minor
        spans.append((start, balance))
    return spans


def _bar(step: Step, span: tuple[int, int], scale: _Scale, left: int, room: int) -> Bar:
    width = room * 3 // 5
    top, bottom = scale.y(max(span)), scale.y(min(span))
    return Bar(
        step=step,
        tone="total" if step.is_total else "less" if step.amount_minor < 0 else "more",
        x=left + (room - width) // 2,
        y=top,
        width=width,
        height=max(BAR_HEIGHT_MIN, bottom - top),
        end_y=scale.y(span[1]),
    )
