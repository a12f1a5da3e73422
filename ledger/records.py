"""What every input record has: an id, a time, and the content that tells a repeat from a conflict (G-6)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ledger.fields import Id, Instant
from ledger.ids import Kind, stream_of

TEXT_LENGTH_MAX = 500
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]


class Command(BaseModel):
    """One input record. Its fields stand in alphabetical order, the key order of its canonical content.

    id   idempotency id, unique per source and type (G-6)
    at   occurred_at: when it happened, from the source (G-2)
    seq  ignored
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    kind: ClassVar[Kind]

    if TYPE_CHECKING:
        # Every record has both; declared by each class, as a field of the base would come before all others.
        at: Instant
        id: Id
    seq: Annotated[Any, Field(exclude=True)] = None

    def stream(self, source: str) -> str:
        """The stream this input has, or would have, in the log."""
        return stream_of(self.kind, self.id, source)

    def content(self) -> bytes:
        """Canonical JSON of the validated record with defaults filled in, without `seq` (G-6)."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    def content_hash(self) -> str:
        """SHA-256 of the content, 64 hex digits: what tells a repeat from a conflict (G-6)."""
        return sha256(self.content()).hexdigest()
