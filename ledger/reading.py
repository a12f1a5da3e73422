"""Reading events that record inputs without building them: for whoever reads many and needs little of each.

The hash in the envelope is checked against the record word for word, so what is read is what was validated when it was
written. `mapper.decode` proves more, at three times the cost: types, key order and spelling of the whole envelope.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.errors import CorruptEventError
from ledger.store.recorder import Recorded

# No JSON text can hold this: a quote inside it is escaped.
_ASKED = ',"data":{"asked":'
_CONTENT = '"content":"'
_HASH_CHARACTERS = 64

_DECODER = json.JSONDecoder()


class InputEvent(NamedTuple):
    """An event that records an input.

    record    the record as plain data
    asked     the same as canonical JSON
    decided   what was decided about it
    envelope  the keys after `data`
    """

    content: str
    record: dict[str, Any]
    asked: str
    decided: dict[str, Any]
    envelope: dict[str, Any]


def read_input_event(row: Recorded) -> InputEvent:
    """An event that records an input, checked against its columns and its own hash.

    Raises:
        CorruptEventError: it is not what was written, or lies under another stream, version or type.
    """
    try:
        text = row.state.decode()
        before, _, after = text.partition(_ASKED)
        record, end = _DECODER.raw_decode(after)
        asked, rest = after[:end], after[end:]
        # What follows the record: further keys of data, then those of the envelope.
        envelope = json.loads('{"data":{' + rest.removeprefix(","))
        content = before[-_HASH_CHARACTERS - 1 : -1]
        lies_here = (envelope["stream"], envelope["seq"], envelope["type"]) == (row.stream, row.version, row.topic)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptEventError(f"{row.stream} is not an event of ours: {row.state[:120]!r}") from error
    if not lies_here:
        raise CorruptEventError(f"bytes of {envelope['stream']} lie under {row.stream} version {row.version}")
    if not before.endswith(f'{_CONTENT}{content}"') or sha256(asked.encode()).hexdigest() != content:
        raise CorruptEventError(f"{row.stream} is not what was recorded: its hash is another")
    return InputEvent(content, record, asked, envelope.pop("data"), envelope)
