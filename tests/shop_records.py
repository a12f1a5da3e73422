"""Records to feed, and what an ingest leaves in the folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.clock import format_instant
from tests.builders import bind, order, plan, refund
from tests.cli_runner import Tool, desk

AT = "2024-01-01T00:00:00Z"
FUTURE = format_instant(datetime.now(UTC) + timedelta(days=1))

# One line of every type and outcome; the comment is its outcome.
MIXED: list[object] = [
    plan(),  # recorded
    {"type": "invite", "id": "i1", "at": AT, "inviter": "ann"},  # recorded
    bind("b1", "ben", "ann", AT, invite="i1"),  # bound
    bind("b1", "ben", "ann", AT, invite="i1"),  # repeat
    "",
    bind("b2", "ben", "dan", "2024-01-02T00:00:00Z"),  # refused: already_bound
    bind("b3", "cat", "ben", AT),  # bound
    order("o1", "cat", 10_000, "2024-01-05T00:00:00Z"),  # recorded
    order("o1", "cat", 10_001, "2024-01-05T00:00:00Z"),  # conflict
    refund("r1", "o1", 5_000, "2024-01-06T00:00:00Z"),  # recorded
    refund("r2", "o9", 5_000, "2024-01-06T00:00:00Z"),  # retryable: unknown_order
    refund("r3", "o1", 5_001, "2024-01-06T00:00:00Z"),  # refused: exceeds_paid
    {"type": "unbind", "id": "u1", "at": "2024-01-07T00:00:00Z", "member": "cat", "reason": "asked"},  # recorded
    {"type": "unbind", "id": "u2", "at": "2024-01-08T00:00:00Z", "member": "eve", "reason": "asked"},  # not_bound
    "   ",
    order("o2", "cat", 10_000, FUTURE),  # invalid: in_the_future
    {**order("o3", "cat", 0, AT), "amount": 12.5},  # invalid: bad_value
    '{"type":"order"',  # invalid: bad_json
    plan(3, at="2024-01-01T00:00:00Z"),  # invalid: plan_number
]
REJECTED = {
    9: "other_content",
    11: "unknown_order",
    16: "in_the_future",
    17: "bad_value",
    18: "bad_json",
    19: "plan_number",
}


def orders(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Orders of members who are bound, with the binds before them."""
    numbers = range(first, first + count)
    binds = [bind(f"b{number}", f"m{number}", f"m{number + 1}", AT) for number in numbers]
    return [*binds, *(order(f"o{number}", f"m{number}", 1_000, "2024-01-05T00:00:00Z") for number in numbers)]


def rejects_of(tool: Tool, name: str = "rejects.jsonl") -> list[dict[str, Any]]:
    """The rejects file, every line strict JSON with the four keys of the contract."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    lines = (tool.folder / name).read_text().splitlines()
    entries = [json.loads(line, parse_constant=refuse) for line in lines]
    assert all(list(entry) == ["line", "reason", "message", "record"] for entry in entries)
    return entries


def names_in(tool: Tool) -> list[str]:
    """What lies in the folder of the command."""
    return sorted(path.name for path in tool.folder.iterdir())


# A small history with a bit of everything, line by line its position.
STORY: list[dict[str, Any]] = [
    plan(min_payout={"GBP": 2_000}),
    bind("b1", "ben", "ann", "2024-01-01T00:00:00Z"),
    bind("b2", "cat", "ben", "2024-01-02T00:00:00Z"),
    bind("b3", "猫", "cat", "2024-01-02T00:00:00Z"),
    order("o1", "cat", 13_915, "2024-02-01T00:00:00Z"),
    order("o2", "猫", 500, "2024-02-03T00:00:00Z", currency="JPY"),
    refund("r1", "o1", 3_333, "2024-02-10T00:00:00Z"),
    {"type": "unbind", "id": "u1", "at": "2024-02-20T00:00:00Z", "member": "cat", "reason": "asked"},
    order("o3", "cat", 9_990, "2024-03-01T00:00:00Z"),
    order("o4", "猫", 9_990, "2024-03-05T00:00:00Z"),
    refund("r2", "o4", 9_990, "2024-03-20T00:00:00Z"),
    # Arrives late.
    order("o0", "ben", 777, "2024-01-15T00:00:00Z"),
    plan(2, at="2024-06-01T00:00:00Z", rates_ppm=[30_000]),
]

# Every command that reads, and what it can be asked.
READING = {
    "balance": ["balance"],
    "balance of one": ["balance", "ben"],
    "team": ["team", "ann"],
    "team then": ["team", "ann", "--as-of", "2024-02-05T00:00:00Z"],
    "upline then": ["team", "猫", "--up", "--as-of", "2024-02-05T00:00:00Z"],
    "order": ["explain", "order", "o1"],
    "order without refund": ["explain", "order", "o3"],
    "order in yen": ["explain", "order", "o2"],
    "member": ["explain", "member", "ben"],
    "member who earned nothing": ["explain", "member", "猫"],
    "replay": ["replay"],
    "plans": ["plan", "list"],
    "plan": ["plan", "show", "1"],
    "statement": ["statement", "ben", "--currency", "GBP", "--as-of", "2024-12-01T00:00:00Z"],
    "statement of what is open": ["statement", "cat", "--currency", "JPY", "--period", "open"],
}


def told(url: str, tmp_path: Path) -> Tool:
    """The command on a store with the story in it."""
    tool = desk(url, tmp_path)
    assert tool.feed(*STORY)["head"] == len(STORY)
    (tool.folder / "records.jsonl").unlink()
    return tool
