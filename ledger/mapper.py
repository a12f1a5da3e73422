"""Events to canonical bytes and back. Whatever is read is proven to be what would be written."""

from __future__ import annotations

import json
from typing import Any, cast

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent
from pydantic import ValidationError

from ledger.errors import CorruptEventError, InvalidRecordError
from ledger.events import EVENTS, Event

EVENT_BYTES_MAX = 65_535


def encode(event: Event) -> bytes:
    """The canonical JSON of an event's envelope (V-2).

    Raises:
        InvalidRecordError: longer than 65,535 bytes.
    """
    state = event.__pydantic_serializer__.to_json(event, exclude_none=not event.KEEPS_NULL)
    if len(state) > EVENT_BYTES_MAX:
        raise InvalidRecordError("too_large", f"the event would take {len(state)} bytes of at most {EVENT_BYTES_MAX}")
    return state


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
        event = cls.model_validate_json(state)
    except ValidationError as error:
        return _decode_older(cls, state, error)
    if event.v != cls.VERSION:
        return _decode_older(cls, state, None)
    if encode(event) != state:
        raise CorruptEventError(f"{topic} is not in canonical form: {state[:120]!r}")
    return event


def canonical(value: object) -> bytes:
    """Canonical JSON of plain data: sorted keys, no spaces, UTF-8 not escaped (V-2)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


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
        return cls.model_validate_json(canonical({**envelope, "v": version}))
    except ValidationError as late:
        raise CorruptEventError(f"{cls.TOPIC} does not fit after upcasting: {late}") from late


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
        event = decode(stored_event.topic, stored_event.state)
        if (event.stream, event.seq) != (stored_event.originator_id, stored_event.originator_version):
            raise CorruptEventError(
                f"bytes of {event.stream} version {event.seq} lie under {stored_event.originator_id} "
                f"version {stored_event.originator_version}"
            )
        return cast("DomainEventProtocol[str]", event)
