"""A request to stop comes from a handler of signals, which runs between any two steps of the thread that waits."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from projections.crew import Stop

PATIENCE_SECONDS = 20


def interrupted_everywhere(work: Callable[[], object], handler: Callable[[], None]) -> bool:
    """Does some work in a thread, with the handler called in that thread before each of its steps in Python.

    Returns:
        Whether it came to its end.
    """

    def each_step(frame: FrameType, event: str, argument: object) -> Any:  # noqa: ANN401  # as sys.settrace wants it
        del argument
        frame.f_trace_opcodes = True
        if event == "opcode":
            handler()
        return each_step

    def traced() -> None:
        sys.settrace(each_step)
        work()
        sys.settrace(None)

    thread = threading.Thread(target=traced, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return not thread.is_alive()


def test_it_may_be_asked_for_between_any_two_steps_of_the_wait() -> None:
    """Where an event would wait for itself."""
    stop = Stop()
    assert interrupted_everywhere(lambda: stop.wait(0.01), stop.ask)
    assert stop.wait(0)


def test_it_stays_asked_for_and_nobody_asks_by_themselves() -> None:
    """However often it was asked for or waited for."""
    stop = Stop()
    assert not stop.wait(0)
    assert not stop.wait(0.01)
    stop.ask()
    stop.ask()
    assert [stop.wait(PATIENCE_SECONDS) for _ in range(3)] == [True] * 3
