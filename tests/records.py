"""What `parse_command` refuses, said shortly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.commands import PlaceOrder, parse_command
from ledger.errors import InvalidRecordError
from tests.builders import adjustment, bind, freeze, order, plan, refund, reversal

AT = "2026-02-01T00:00:00Z"

# Every type with its required keys only.
RECORDS: dict[str, dict[str, Any]] = {
    "invite": {"type": "invite", "id": "i1", "at": AT, "inviter": "ann"},
    "bind": bind("b1", "ben", "ann", AT),
    "unbind": {"type": "unbind", "id": "u1", "at": AT, "member": "ben", "reason": "asked for it"},
    "order": order("o1", "ben", 1_000, AT),
    "refund": refund("r1", "o1", 10, AT),
    "reversal": reversal("v1", "r1", AT),
    "freeze": freeze("f1", "ben", AT),
    "unfreeze": freeze("f1", "ben", AT, type="unfreeze"),
    "adjustment": adjustment("a1", "ben", -10, AT),
    "plan": plan(),
}
LINE: dict[str, Any] = {"n": 1, "sku": "A-1", "qty": 1, "amount": 1_000}

# The order of RECORDS as text, its closing brace left to the test.
ORDER = '{"type":"order","id":"o1","member":"ben","at":"2026-02-01T00:00:00Z","currency":"GBP","amount":1000'


def refused(line: bytes | str) -> InvalidRecordError:
    """The error a line is refused with; its message is short enough for a terminal."""
    with pytest.raises(InvalidRecordError) as caught:
        parse_command(line if isinstance(line, bytes) else line.encode())
    assert 0 < len(caught.value.message) < 200
    return caught.value


def reason_of(line: bytes | str) -> str:
    """Why a line is refused."""
    return refused(line).reason


def reason_of_record(record: dict[str, Any], **changes: object) -> str:
    """Why a record is refused, with some of its values changed."""
    return reason_of(json.dumps({**record, **changes}))


def parsed_order(**changes: object) -> PlaceOrder:
    """The order of RECORDS with some of its values changed; it must parse."""
    command = parse_command(json.dumps({**RECORDS["order"], **changes}).encode())
    assert isinstance(command, PlaceOrder)
    return command
