"""What `parse_command` takes for a record, and the one stable reason it refuses everything else with."""

import hashlib
import json
from typing import Any

import pytest

from ledger.commands import LINE_BYTES_MAX, OrderLine, command_from, parse_command
from ledger.money import DAYS_MAX
from tests.builders import plan
from tests.records import AT, LINE, ORDER, RECORDS, parsed_order, reason_of, reason_of_record, refused

# Optional keys that may be null.
NULLABLE = {
    "invite": ["invitee", "channel", "expires_at"],
    "bind": ["invite"],
    "order": ["lines"],
    "refund": ["line", "member", "qty"],
    "reversal": ["reason"],
}


# ---- the line


NOT_RECORDS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "bad_json"),
    "a space": (b" ", "bad_json"),
    "half an object": (ORDER.encode(), "bad_json"),
    "two objects": (ORDER.encode() + b"}" + ORDER.encode() + b"}", "bad_json"),
    "something after the object": (ORDER.encode() + b"} x", "bad_json"),
    "a comma too many": (ORDER.encode() + b",}", "bad_json"),
    "a comma too few": (b'{"type":"order" "id":"o1"}', "bad_json"),
    "single quotes": (b"{'type':'order'}", "bad_json"),
    "a key without quotes": (b'{type:"order"}', "bad_json"),
    "a comment": (b"// orders\n{}", "bad_json"),
    "a byte order mark": (b"\xef\xbb\xbf" + ORDER.encode() + b"}", "bad_json"),
    "a NUL byte": (b"\0", "bad_json"),
    "a raw line break in a string": (ORDER.encode() + b',"member":"a\nb"}', "bad_json"),
    "a lone surrogate": (ORDER.encode() + rb',"member":"\ud800"}', "bad_json"),
    "half a surrogate pair": (ORDER.encode() + rb',"member":"\ud83dx"}', "bad_json"),
    "an unknown escape": (ORDER.encode() + rb',"member":"\x41"}', "bad_json"),
    "latin-1": ('{"type":"order","id":"Jürgen"}'.encode("latin-1"), "not_utf8"),
    "utf-16": (ORDER.encode("utf-16"), "not_utf8"),
    "an overlong encoding": (b'{"type":"order","id":"\xc0\xaf"}', "not_utf8"),
    "an encoded surrogate": (b'{"type":"order","id":"\xed\xa0\x80"}', "not_utf8"),
    "null": (b"null", "bad_value"),
    "a number": (b"1", "bad_value"),
    "a string": (b'"order"', "bad_value"),
    "a list": (b"[]", "bad_value"),
    "a list of records": (b"[" + ORDER.encode() + b"}]", "bad_value"),
    "no type": (b"{}", "unknown_type"),
    "another type": (b'{"type":"payout"}', "unknown_type"),
    "the type in upper case": (b'{"type":"Order"}', "unknown_type"),
    "a type that is null": (b'{"type":null}', "unknown_type"),
    "a type that is a list": (b'{"type":["order"]}', "unknown_type"),
    "a type that is a number": (b'{"type":1}', "unknown_type"),
}


@pytest.mark.parametrize(("line", "reason"), NOT_RECORDS.values(), ids=list(NOT_RECORDS))
def test_line_that_is_no_record(line: bytes, reason: str) -> None:
    """Broken JSON, other encodings, JSON that is no object, unknown types: one stable reason each."""
    assert reason_of(line) == reason


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"type":"order","seq":[', b'{"type":"order","lines":['])
def test_nesting_bomb_is_refused(opening: bytes) -> None:
    """As deep as a line can be, closed or not: refused as bad JSON, no recursion error, no crash."""
    depth = (LINE_BYTES_MAX - 1) // len(opening)
    assert reason_of(opening * depth) == "bad_json"
    assert reason_of(b"[" * 10_000 + b"]" * 10_000) == "bad_json"


def test_line_of_ten_megabytes_is_refused_at_once() -> None:
    """A valid record of 10 MB is refused by its length, which is said, and the message stays short."""
    line = json.dumps({**RECORDS["unbind"], "reason": "x" * 10_000_000}).encode()
    error = refused(line)
    assert error.reason == "line_too_long"
    assert str(len(line)) in error.message


@pytest.mark.parametrize("excess", [0, 1])
def test_longest_line(excess: int) -> None:
    """A record padded to exactly 262,144 bytes is read; one byte more is too long."""
    line = (ORDER + "}").ljust(LINE_BYTES_MAX + excess).encode()
    if excess:
        assert reason_of(line) == "line_too_long"
    else:
        assert parse_command(line).id == "o1"


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t"])
def test_line_ends_and_spaces_around_do_not_matter(end: str) -> None:
    """Windows line ends, spaces and tabs around a record change nothing, not even its hash."""
    assert parse_command(f"{end}{ORDER}}}{end}".encode()) == parsed_order()


# ---- keys


@pytest.mark.parametrize("kind", RECORDS)
def test_unknown_key_is_refused_in_every_type(kind: str) -> None:
    """A key the type does not have is refused, and so is one that differs in case only."""
    for key in ("colour", "Amount", "AT", "id ", "", "recorded_at", "actor"):
        assert reason_of_record(RECORDS[kind], **{key: 1}) == "unknown_key"


@pytest.mark.parametrize(
    ("kind", "key"),
    [(kind, key) for kind, record in RECORDS.items() for key in record if key != "type"],
)
def test_every_required_key_must_be_given_and_not_null(kind: str, key: str) -> None:
    """Left out it is missing, null is a bad value, and the message names it."""
    record = {name: value for name, value in RECORDS[kind].items() if name != key}
    error = refused(json.dumps(record))
    assert (error.reason, error.message.split(":")[0]) == ("missing_key", key)
    assert reason_of_record(record, **{key: None}) == "bad_value"


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in NULLABLE.items() for key in keys])
def test_null_for_an_optional_key_is_as_if_absent(kind: str, key: str) -> None:
    """The same content hash, so that an exporter may write its nulls or leave them out."""
    absent, null = command_from(RECORDS[kind]), command_from({**RECORDS[kind], key: None})
    assert absent == null
    assert absent.content_hash() == null.content_hash()


@pytest.mark.parametrize(
    "more",
    [
        ',"amount":1000',
        ',"amount":1',
        r',"amoun\u0074":1000',
        r',"\u0061mount":1000',
        ',"amount" :1000',
        ',"amount"\t:1000',
        ',"amount"\n :1000',
        ',"type":"order"',
        ',"seq":1,"seq":1',
        ',"lines":null,"lines":null',
        ',"lines":[{"n":1,"sku":"a","qty":1,"amount":1000}],"lines":[{"n":1,"sku":"a","qty":1,"amount":1000}]',
        ',"lines":[{"n":1,"n":1,"sku":"a","qty":1,"amount":1000}]',
        r',"lines":[{"n":1,"sku":"a","qty":1,"amount":1000,"s\u006bu":"a"}]',
        ',"lines":[{"n":1,"sku":"a","sku" :"a","qty":1,"amount":1000}]',
        ',"lines":[{"n":1,"sku":"\\":","sku":"\\":","qty":1,"amount":1000}]',
    ],
)
def test_repeated_key_is_refused_however_it_is_spelled(more: str) -> None:
    """A parser that keeps the last of two would let two readers see two amounts."""
    assert reason_of(f"{ORDER}{more}}}") == "duplicate_key"


@pytest.mark.parametrize("extra", [',"binding":{"ttl_days":1,"ttl_days":1}', ',"min_payout":{"GBP":1,"GBP":1}'])
def test_repeated_key_inside_a_plan_is_refused(extra: str) -> None:
    """The parts of a plan are looked through too."""
    assert reason_of(f'{{"type":"plan","plan":1,"at":"{AT}","rates_ppm":[]{extra}}}') == "duplicate_key"


@pytest.mark.parametrize("text", ['":', '","amount":1,"', '{"amount":1}', "amount", '\\":', '" :'])
def test_string_that_looks_like_keys_is_only_a_string(text: str) -> None:
    """`":` inside a value is no second key."""
    command = command_from({**RECORDS["unbind"], "reason": text})
    assert command.model_dump()["reason"] == text
    lines = [{**LINE, "sku": text, "category": text}]
    assert parsed_order(lines=lines).lines == (OrderLine(n=1, sku=text, qty=1, amount=1_000, category=text),)


@pytest.mark.parametrize(
    "seq",
    ["1", "-1.5e400", "true", "null", '"x"', "[]", '{"a":[{"b":":"}]}', "NaN", "9" * 4_300, "[" * 100 + "]" * 100],
)
def test_seq_of_any_kind_is_ignored(seq: str) -> None:
    """A source's own sequence number is neither read nor hashed."""
    command = parse_command(f'{ORDER},"seq":{seq}}}'.encode())
    assert command.content_hash() == parsed_order().content_hash()


# ---- plans


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": 0},
        {"plan": -1},
        {"plan": "1"},
        {"plan": 1.0},
        {"rates_ppm": None},
        {"rates_ppm": 100_000},
        {"rates_ppm": "100000"},
        {"rates_ppm": [1, 1, 1, 1]},
        {"rates_ppm": [0.1]},
        {"rates_ppm": [100_000.0]},
        {"rates_ppm": [-1]},
        {"rates_ppm": [True]},
        {"rates_ppm": [1_000_001]},
        {"rates_ppm": [500_000, 1]},
        {"cap_ppm": 99_999, "rates_ppm": [100_000]},
        {"cap_ppm": 1_000_001},
        {"hold_days": -1},
        {"hold_days": DAYS_MAX + 1},
        {"hold_days": None},
        {"rounding": "up"},
        {"self_purchase": "level_1"},
        {"unqualified": "pass_up"},
        {"min_payout": {"GBP": 0}},
        {"min_payout": {"GBP": 20.0}},
        {"min_payout": {"gbp": 2_000}},
        {"min_payout": None},
        {"binding": None},
        {"binding": {"policy": "any_touch"}},
        {"binding": {"renewal": "always"}},
        {"binding": {"ttl_days": 0}},
        {"binding": {"ttl_days": DAYS_MAX + 1}},
        {"binding": {"ttl_days": "90"}},
        {"binding": {"protection_days": -1}},
        {"effective_from": "2009-12-31T23:59:59Z"},
        {"effective_from": "2010-01-01"},
    ],
)
def test_plan_that_promises_what_no_plan_can(changes: dict[str, Any]) -> None:
    """More than three levels, rates above the cap, days and amounts out of range, effect before its own time."""
    assert reason_of_record(plan(**changes)) == "bad_value"


def test_unknown_key_inside_a_plan_is_refused() -> None:
    """P-2, also for the terms of its bindings."""
    assert reason_of_record(plan(colour=1)) == "unknown_key"
    assert reason_of_record(plan(binding={"ttl": 90})) == "unknown_key"


def test_defaults_of_a_plan_are_part_of_its_content() -> None:
    """Left out or spelled out: one content hash; another value: another."""
    spelled: dict[str, Any] = {
        "id": "plan-1",
        "effective_from": "2010-01-01T00:00:00Z",
        "binding": {"policy": "first_touch", "ttl_days": 90, "protection_days": 0, "renewal": "none"},
        "hold_days": 30,
        "min_payout": {},
        "self_purchase": "none",
        "unqualified": "forfeit",
        "rounding": "down",
        "cap_ppm": 500_000,
    }
    content = command_from(plan()).content_hash()
    assert command_from(plan(**spelled)).content_hash() == content
    changed: list[dict[str, Any]] = [
        {"binding": {"ttl_days": None}},
        {"hold_days": 0},
        {"rates_ppm": [100_000, 50_000]},
    ]
    for changes in changed:
        assert command_from(plan(**changes)).content_hash() != content


def test_order_of_keys_in_min_payout_is_not_content() -> None:
    """The same minimums in another order are the same plan."""
    one = command_from(plan(min_payout={"GBP": 1, "EUR": 2}))
    assert one.content_hash() == command_from(plan(min_payout={"EUR": 2, "GBP": 1})).content_hash()


# ---- content


@pytest.mark.parametrize(
    "changes",
    [
        {"carriage": 0},
        {"lines": None},
        {"seq": 17},
        {"at": "2026-02-01T00:00:00.000000Z"},
        {"at": "2026-02-01t01:30:00+01:30"},
        {"at": "2026-01-31T19:00:00-05:00"},
    ],
)
def test_other_spelling_of_the_same_content(changes: dict[str, Any]) -> None:
    """G-6: defaults filled in, times in UTC, without `seq`: the same content hash."""
    assert parsed_order(**changes).content_hash() == parsed_order().content_hash()


@pytest.mark.parametrize(
    "changes",
    [
        {"carriage": 1},
        {"amount": 1_001},
        {"at": "2026-02-01T00:00:00.000001Z"},
        {"member": "Ben"},
        {"id": "o2"},
        {"currency": "EUR"},
        {"lines": [LINE]},
    ],
)
def test_other_content(changes: dict[str, Any]) -> None:
    """Whatever counts changes the content hash."""
    assert parsed_order(**changes).content_hash() != parsed_order().content_hash()


def test_content_hash_is_over_canonical_json() -> None:
    """Anyone can compute it: SHA-256 of sorted keys, no spaces, UTF-8 not escaped, nulls left out."""
    content = (
        '{"amount":1000,"at":"2026-02-01T00:00:00.000000Z","carriage":0,"currency":"GBP","id":"o1",'
        '"lines":[{"amount":1000,"n":1,"qty":1,"sku":"A-1"}],"member":"猫","type":"order"}'
    )
    command = parsed_order(member="猫", lines=[LINE])
    assert command.content_hash() == hashlib.sha256(content.encode()).hexdigest()
