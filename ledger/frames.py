"""Frames: plain data over a pipe between a process and its child. Eight bytes of length, then the data.

Only for two processes of one program: the data is marshalled, which is quick and trusts its sender.
"""

from __future__ import annotations

import marshal
from typing import IO, Any

LENGTH_BYTES = 8

# As large as Linux lets a pipe be.
PIPE_BYTES = 1 << 20


def write_frame(stream: IO[bytes], data: Any) -> None:  # noqa: ANN401  # whatever marshal takes
    """Sends lists, tuples, texts, bytes, integers and None, of exactly these types."""
    frame = marshal.dumps(data)
    stream.write(len(frame).to_bytes(LENGTH_BYTES) + frame)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, for `loads`; None: the sender has ended."""
    length = int.from_bytes(stream.read(LENGTH_BYTES))
    frame = stream.read(length) if length else b""
    return frame if length and len(frame) == length else None


def loads(frame: bytes) -> Any:  # noqa: ANN401  # whatever was sent
    """What a frame holds."""
    return marshal.loads(frame)  # noqa: S302  # sent by our own process
