"""Ways to tell a log otherwise, each for one event: what whoever has the log's key could write and sign."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

from ledger.tree.hashing import root_of
from projections.verify.asked import DISAGREE
from tests.evidence import Envelope, edited, position_of, put, spelt, verified

Lie = Callable[[list[bytes]], list[bytes]]


def findings_of(folder: Path, files: dict[str, bytes]) -> list[tuple[str, int | None]]:
    """Which checks find something, and where."""
    found = verified(put(folder, files))
    assert found.status == DISAGREE
    assert found.verdict["integrity"] == "FAILED"
    return [(finding.check, finding.position) for finding in found.report.findings]


def recorded_as(stream: str, kind: str, **decided: Any) -> Lie:
    """The event that records an input says that it was decided otherwise."""

    def lie(states: list[bytes]) -> list[bytes]:
        def change(event: Envelope) -> None:
            event["type"] = kind
            event["data"] = {"asked": event["data"]["asked"], **decided}

        return edited(states, position_of(states, stream), change)

    return lie


def saying(stream: str, seq: int = 1, **data: Any) -> Lie:
    """Other values in an event's data; None: no such key."""

    def lie(states: list[bytes]) -> list[bytes]:
        def change(event: Envelope) -> None:
            event["data"] = {key: value for key, value in (event["data"] | data).items() if value is not None}

        return edited(states, position_of(states, stream, seq), change)

    return lie


def without(stream: str, seq: int = 1) -> Lie:
    """One event is not told."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, stream, seq)
        return states[: position - 1] + states[position:]

    return lie


def inventing(after: str, kind: str, stream: str, seq: int, at: str, **rest: Any) -> Lie:
    """One event more."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, after)
        like = json.loads(states[position - 1])
        event = {key: like[key] for key in ("actor", "recorded_at")}
        event |= {"type": kind, "stream": stream, "seq": seq, "occurred_at": at, "source": "default", "v": 1, **rest}
        return [*states[:position], spelt(event), *states[position:]]

    return lie


def asking(stream: str, **asked: Any) -> Lie:
    """An input that asks for something else, with its own hash."""

    def lie(states: list[bytes]) -> list[bytes]:
        return edited(states, position_of(states, stream), lambda event: event["data"]["asked"].update(asked))

    return lie


def again(stream: str, seq: int = 1, **changed: Any) -> Lie:
    """An event once more, right after it and as the next of its stream, with another envelope or other data."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, stream, seq)
        event = json.loads(states[position - 1])
        event |= {"seq": seq + 1, **changed}
        return [*states[:position], spelt(event), *states[position:]]

    return lie


def recording(after: str, seq: int, kind: str, stream: str, at: str, data: dict[str, Any]) -> Lie:
    """An input recorded right after an event."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, after, seq)
        event = json.loads(states[position - 1])
        event |= {"type": kind, "stream": stream, "seq": 1, "occurred_at": at, "id": stream.partition("-")[2]}
        return [*states[:position], spelt({**event, "data": data}), *states[position:]]

    return lie


def with_envelope(of: str, version: int = 1, /, **changed: Any) -> Lie:
    """Other values in an event's envelope, outside of what was asked."""
    return lambda states: edited(states, position_of(states, of, version), lambda event: event.update(changed))


def without_key(stream: str, seq: int, key: str) -> Lie:
    """A key of an event's data less."""
    return saying(stream, seq, **{key: None})


def together(*lies: Lie) -> Lie:
    """One lie after the other."""

    def lie(states: list[bytes]) -> list[bytes]:
        for one in lies:
            states = one(states)
        return states

    return lie


def rooted(states: Sequence[bytes], true: Container[bytes]) -> list[bytes]:
    """The log with the roots that its closed periods must say, of those that are told as in the true one."""
    told = list(states)
    for place, state in enumerate(states):
        event = json.loads(state)
        if event["type"] == "PeriodClosed" and state in true:
            event["data"]["root"] = root_of(told[: event["data"]["at_position"]]).hex()
            told[place] = spelt(event)
    return told
