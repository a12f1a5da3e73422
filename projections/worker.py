"""The worker: keeps a projection at the head of the log until it is told to stop."""

from __future__ import annotations

import threading

from projections.checkpoint import CheckpointMovedError
from projections.runner import Runner


def follow(runner: Runner, stopped: threading.Event, poll_seconds: float) -> int:
    """Projects batch after batch, waiting where there is nothing new, and stops between two batches.

    Args:
        runner: the projection.
        stopped: ends the loop once set.
        poll_seconds: how long to wait before looking again.

    Returns:
        How many events were projected.
    """
    total = 0
    while not stopped.is_set():
        try:
            events = runner.step()
        except CheckpointMovedError:
            continue
        total += events
        if not events and not stopped.is_set():
            runner.log.wait(poll_seconds)
    return total
