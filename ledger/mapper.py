"""Events to canonical bytes and back. Whatever is read is proven to be what would be written."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent
from pydantic import ValidationError

from ledger.canonical import canonical, quoted
from ledger.clock import format_instant
from ledger.errors import CorruptEventError, InvalidRecordError
from ledger.events import EVENTS, Event
from ledger.fields import STORED
from ledger.inputs import AnyInput
from ledger.payout_events import By
from ledger.store.recorder import Recorded

EVENT_BYTES_MAX = 65_535

# What can be decided about an input, beside what was asked.
Decided = str | int | datetime | By

# The last keys of an envelope are its type and version.
_TAILS = {kind: f',"type":"{kind.TOPIC}","v":{kind.VERSION}}}' for kind in EVENTS.values()}
_TAIL_BYTES = 64


def encode(event: Event) -> bytes:
    """The canonical JSON of an event's envelope (V-2).

    Raises:
        InvalidRecordError: longer than 65,535 bytes.
    """
    if event.KEEPS_NULL:
        return _fitting(canonical(event.model_dump(mode="json")))
    return _fitting(event.__pydantic_serializer__.to_json(event, exclude_none=True))


class InputEncoder:
    """Writes the events that record inputs without building them: an input already is most of the event.

    The bytes are those of `encode`; a test proves it for every type.
    """

    def __init__(self, *, actor: str, source: str, recorded_at: datetime) -> None:
        """What the events of one batch share."""
        self._before = f'{{"actor":{quoted(actor)},"content":"'
        self._after = f',"recorded_at":"{format_instant(recorded_at)}","seq":1,"source":{quoted(source)},"stream":'

    def encode(self, kind: type[Event], asked: AnyInput, **decided: Decided | None) -> bytes:
        """The first event of an input's stream.

        Args:
            kind: its class.
            asked: the input.
            decided: further keys of `data`, in alphabetical order; None is left out.

        Raises:
            InvalidRecordError: longer than 65,535 bytes.
        """
        data = _data(tuple(decided.items())) if decided else ""
        envelope = (
            f'{self._before}{asked.content}","data":{{"asked":{asked.asked}{data}}},{asked.named}'
            f"{self._after}{quoted(asked.stream)}{_TAILS[kind]}"
        )
        return _fitting(envelope.encode())


def decode(topic: str, state: bytes) -> Event:
    """The event that these bytes are the canonical form of.

    Raises:
        CorruptEventError: unknown type, not valid, or not canonical: another order of keys, a space, a repeated key,
            a fraction, another spelling of a time.
    """
    cls = EVENTS.get(topic)
    if cls is None:
        raise CorruptEventError(f"unknown event type {topic!r}")
    try:
        event = cls.model_validate_json(state, context=STORED)
    except ValidationError as error:
        return _decode_older(cls, state, error)
    if event.v != cls.VERSION:
        return _decode_older(cls, state, None)
    if encode(event) != state:
        raise CorruptEventError(f"{topic} is not in canonical form: {state[:120]!r}")
    return event


@lru_cache(maxsize=1_000)
def _data(decided: tuple[tuple[str, Decided | None], ...]) -> str:
    """Further keys of `data`: the same few of nearly all orders."""
    return "".join([f',"{key}":{_json(value)}' for key, value in decided if value is not None])


def _json(value: Decided) -> str:
    if isinstance(value, datetime):
        return f'"{format_instant(value)}"'
    if isinstance(value, By):
        return canonical(value.model_dump()).decode()
    return quoted(value) if isinstance(value, str) else str(value)


def _fitting(state: bytes) -> bytes:
    if len(state) > EVENT_BYTES_MAX:
        raise InvalidRecordError("too_large", f"the event would take {len(state)} bytes of at most {EVENT_BYTES_MAX}")
    return state


def _decode_older(cls: type[Event], state: bytes, error: ValidationError | None) -> Event:
    """An older version's bytes, lifted step by step; or the reason why they are no event at all."""
    try:
        envelope = cast("dict[str, Any]", json.loads(state))
        version = int(envelope["v"])
    except (ValueError, KeyError, TypeError):
        raise CorruptEventError(f"{cls.TOPIC} is not an envelope: {state[:120]!r}") from error
    if canonical(envelope) != state or not 0 < version < cls.VERSION:
        raise CorruptEventError(f"{cls.TOPIC} v{version} is not valid: {error or 'unknown version'}") from error
    while version < cls.VERSION:
        envelope["data"] = cls.UPCASTERS[version](envelope["data"])
        version += 1
    try:
        return cls.model_validate_json(canonical({**envelope, "v": version}), context=STORED)
    except ValidationError as late:
        raise CorruptEventError(f"{cls.TOPIC} does not fit after upcasting: {late}") from late


def check_type(topic: str, state: bytes) -> None:
    """Proves that bytes nobody decodes lie under their own type.

    Raises:
        CorruptEventError: under another.
    """
    if f'"type":"{topic}","v":'.encode() not in state[-_TAIL_BYTES:]:
        raise CorruptEventError(f"bytes of another type lie under {topic}: {state[:120]!r}")


def decode_row(row: Recorded) -> Event:
    """A row of the log as the event it is, checked against its columns.

    Raises:
        CorruptEventError: the bytes are not canonical, or say another stream, version or type.
    """
    event = decode(row.topic, row.state)
    if (event.stream, event.seq) != (row.stream, row.version):
        raise CorruptEventError(
            f"bytes of {event.stream} version {event.seq} lie under {row.stream} version {row.version}"
        )
    return event


class CanonicalMapper(Mapper[str]):
    """The library's extension point; the bytes are those of `encode` and `decode`."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Encodes one of our events."""
        event = cast("Event", domain_event)
        return StoredEvent(event.stream, event.seq, event.TOPIC, encode(event))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """Decodes a stored event and checks it against the columns it lies under.

        Raises:
            CorruptEventError: the bytes are not canonical, or say another stream, version or type.
        """
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        row = Recorded(0, stream, version, stored_event.topic, stored_event.state)
        return cast("DomainEventProtocol[str]", decode_row(row))
