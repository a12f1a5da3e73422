"""The envelope of every event, and the base of what it says: frozen, versioned pydantic models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ledger.fields import Instant, StoredId

Stream = Annotated[str, Field(min_length=1, max_length=320)]
Number = Annotated[int, Field(ge=1, lt=1 << 53)]
Exponent = Annotated[int, Field(ge=0, le=4)]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Data(BaseModel):
    """What one fact says; field order is the stored key order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Event(BaseModel, frozen=True):
    """The envelope of every fact.

    actor        who asked, a label
    content      SHA-256 of data.asked (G-6); None for a fact that follows from another input
    id           the input this event records, or follows from
    occurred_at  when it happened, from the source
    recorded_at  when it was recorded; never runs backwards along the log (G-2)
    seq          version within the stream, from 1
    source       where the input came from
    stream       `order-17`: one stream per input; later facts of a binding follow in its own
    v            version of `data`
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1
    UPCASTERS: ClassVar[Mapping[int, Upcaster]] = {}
    # In a plan null is a value of its own: a binding without an end.
    KEEPS_NULL: ClassVar[bool] = False
    # Left out of content_root (G-8): whether and when it is recorded depends on a worker's timing.
    IS_DERIVED: ClassVar[bool] = False

    actor: StoredId
    content: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    data: Data
    id: StoredId
    occurred_at: Instant
    recorded_at: Instant
    seq: Number
    source: str
    stream: Stream
    type: str
    v: Number

    @property
    def originator_id(self) -> str:
        """The stream, in the library's words."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version within the stream, in the library's words."""
        return self.seq
