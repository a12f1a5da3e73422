"""Any record reads back; anything else is refused for a reason that the parser names, never with another error."""

import json
import random
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import command_from, parse_command
from ledger.errors import InvalidRecordError
from ledger.money import DAYS_MAX, MINOR_MAX
from tests.builders import plan
from tests.records import LINE, RECORDS, reason_of

REASONS = {
    "line_too_long",
    "not_utf8",
    "bad_json",
    "duplicate_key",
    "unknown_type",
    "unknown_key",
    "missing_key",
    "bad_value",
}

CHARACTERS = st.characters(categories=["L", "N", "P", "S"])
IDS = st.text(CHARACTERS, min_size=1, max_size=32).filter(lambda text: text == unicodedata.normalize("NFC", text))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MINORS = st.integers(0, MINOR_MAX)
COUNTS = st.integers(1, MINOR_MAX)
CURRENCIES = st.sampled_from(["GBP", "JPY", "KWD", "EUR"])
NAIVE = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001  # the zone is added as text
ZONES = st.sampled_from(["Z", "z", "+00:00", "-00:00", "+05:45", "-11:30", "+23:59"])
TIMES = st.tuples(NAIVE, ZONES).map(lambda pair: f"{pair[0].isoformat()}{pair[1]}")


def number_of(line: dict[str, Any]) -> int:
    """The number of a line, of which an order has no two."""
    return line["n"]


Keys = dict[str, st.SearchStrategy[Any]]
LINE_KEYS: Keys = {"n": COUNTS, "sku": TEXTS, "qty": MINORS, "amount": st.integers(0, MINOR_MAX // 5)}
LINE_MORE: Keys = {"category": st.none() | TEXTS}
ONE_LINE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(LINE_KEYS, optional=LINE_MORE)
LINES = st.lists(ONE_LINE, min_size=1, max_size=5, unique_by=number_of)
PLAN: Keys = {"plan": st.integers(1, 9), "rates_ppm": st.lists(st.integers(0, 166_666), max_size=3)}
PLAN_MORE: Keys = {
    "hold_days": st.integers(0, DAYS_MAX),
    "rounding": st.sampled_from(["down", "half_up", "half_even"]),
    "self_purchase": st.sampled_from(["none", "as_level_1"]),
    "min_payout": st.dictionaries(CURRENCIES, COUNTS),
    "binding": st.fixed_dictionaries(
        {},
        optional={
            "ttl_days": st.none() | st.integers(1, DAYS_MAX),
            "protection_days": st.integers(0, DAYS_MAX),
            "policy": st.sampled_from(["first_touch", "last_touch"]),
            "renewal": st.sampled_from(["none", "on_order"]),
        },
    ),
}
# Required and optional keys of each type, without `type`, `id`, `at` and `seq`.
KEYS: dict[str, tuple[Keys, Keys]] = {
    "invite": ({"inviter": IDS}, {"invitee": st.none() | IDS, "channel": TEXTS, "expires_at": st.none() | TIMES}),
    "bind": ({"member": IDS, "inviter": IDS}, {"invite": st.none() | IDS}),
    "unbind": ({"member": IDS, "reason": TEXTS}, {}),
    "order": ({"member": IDS, "currency": CURRENCIES, "amount": MINORS}, {"lines": st.none() | LINES}),
    "refund": (
        {"order": IDS, "currency": CURRENCIES, "amount": COUNTS},
        {"line": st.none() | COUNTS, "member": st.none() | IDS, "qty": st.none() | MINORS},
    ),
    "plan": (PLAN, PLAN_MORE),
}


def records_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Valid records of a type, optional keys given, null or left out."""
    required, optional = KEYS[kind]
    common: Keys = {"type": st.just(kind), "id": IDS, "at": TIMES}
    return st.fixed_dictionaries({**common, **required}, optional={"seq": TEXTS, **optional}).map(made_to_sum)


def made_to_sum(record: dict[str, Any]) -> dict[str, Any]:
    """An order's amount is the sum of its lines."""
    if record.get("lines"):
        record["amount"] = sum(line["amount"] for line in record["lines"])
    return record


ANY_RECORD = st.sampled_from(list(KEYS)).flatmap(records_of)


@given(ANY_RECORD, st.randoms(use_true_random=False))
def test_any_valid_record_reads_back_as_it_was_written(record: dict[str, Any], shuffle: random.Random) -> None:
    """Every value given is there; read back from its own JSON, or with keys in another order, it is the same."""
    command = command_from(record)
    content = command.model_dump(mode="json")
    for key, value in record.items():
        if key not in {"seq", "at", "expires_at", "lines", "binding"}:
            assert content[key] == value
    assert command.at == datetime.fromisoformat(record["at"].upper()).astimezone(UTC)
    items = list(record.items())
    shuffle.shuffle(items)
    for again in (content, dict(items)):
        line = json.dumps(again, ensure_ascii=shuffle.random() < 0.5, indent=shuffle.choice([None, 1]))
        assert parse_command(line.encode()).content_hash() == command.content_hash()


@given(ANY_RECORD, st.data())
def test_any_valid_record_with_a_key_repeated_is_refused(record: dict[str, Any], data: st.DataObject) -> None:
    """At whatever place, whatever the rest holds."""
    key = data.draw(st.sampled_from(list(record)))
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in record.items()]
    parts.insert(data.draw(st.integers(0, len(parts))), f"{json.dumps(key)}:{json.dumps(record[key])}")
    assert reason_of(f"{{{','.join(parts)}}}") == "duplicate_key"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(sorted({"id", "at", "seq", "x", "type", *(name for keys in KEYS.values() for name in keys[0])}))


def parse_or_refuse(line: bytes) -> None:
    """Whatever a line holds, it is a record or refused for one of the reasons the parser names."""
    with suppress(InvalidRecordError):
        parse_command(line)
        return
    assert reason_of(line) in REASONS


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_refused(line: bytes) -> None:
    """No other exception, whatever comes."""
    parse_or_refuse(line)


@given(JSON, ANY_RECORD, NAMES)
def test_any_json_is_a_record_or_refused(value: object, record: dict[str, Any], name: str) -> None:
    """Any JSON as a line, as a value of a valid record, as a line of an order, as terms of a plan."""
    parse_or_refuse(json.dumps(value).encode())
    parse_or_refuse(json.dumps({**record, name: value}).encode())
    parse_or_refuse(json.dumps({**RECORDS["order"], "lines": [LINE, value]}).encode())
    parse_or_refuse(json.dumps({**RECORDS["order"], "lines": [{**LINE, name: value}]}).encode())
    parse_or_refuse(json.dumps(plan(binding=value)).encode())


@given(ANY_RECORD, st.data())
def test_any_damaged_record_is_a_record_or_refused(record: dict[str, Any], data: st.DataObject) -> None:
    """A valid line with a few bytes replaced, put in or taken out."""
    line = bytearray(json.dumps(record, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(line)))
        line[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    parse_or_refuse(bytes(line))
