"""What `parse_command` takes for a record, and in which words it refuses everything else."""

import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.clock import format_instant
from ledger.commands import LINE_BYTES_MAX, AnyCommand, OrderLine, PlaceOrder, PublishPlan, command_from, parse_command
from ledger.errors import InvalidRecordError
from ledger.money import DAYS_MAX, MINOR_MAX
from tests.builders import bind, order, plan, refund

AT = "2026-02-01T00:00:00Z"
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
INVITE: dict[str, Any] = {"type": "invite", "id": "i1", "at": AT, "inviter": "ann"}
UNBIND: dict[str, Any] = {"type": "unbind", "id": "u1", "at": AT, "member": "ben", "reason": "asked for it"}
# Every type with its required keys only.
RECORDS: dict[str, dict[str, Any]] = {
    "invite": INVITE,
    "bind": bind("b1", "ben", "ann", AT),
    "unbind": UNBIND,
    "order": order("o1", "ben", 1_000, AT),
    "refund": refund("r1", "o1", 10, AT),
    "plan": plan(),
}
# Optional keys that may be null, and an order with every key there is.
NULLABLE = {
    "invite": ["invitee", "channel", "expires_at"],
    "bind": ["invite"],
    "order": ["lines"],
    "refund": ["line", "member", "qty"],
}
LINE: dict[str, Any] = {"n": 1, "sku": "A-1", "qty": 1, "amount": 1_000}
ORDER = '{"type":"order","id":"o1","member":"ben","at":"2026-02-01T00:00:00Z","currency":"GBP","amount":1000'


def reason_of(line: bytes | str) -> str:
    """Why a line is refused."""
    with pytest.raises(InvalidRecordError) as refused:
        parse_command(line if isinstance(line, bytes) else line.encode())
    assert refused.value.message
    return refused.value.reason


def reason_of_record(record: dict[str, Any]) -> str:
    """Why a record is refused."""
    return reason_of(json.dumps(record))


def reason_of_value(key: str, value: object) -> str:
    """Why an order with this value, as JSON writes it, is refused."""
    return reason_of_record({**RECORDS["order"], key: value})


def parsed_order(**changes: object) -> PlaceOrder:
    """An order that must parse."""
    command = parse_command(json.dumps({**RECORDS["order"], **changes}).encode())
    assert isinstance(command, PlaceOrder)
    return command


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
    line = json.dumps({**UNBIND, "reason": "x" * 10_000_000}).encode()
    with pytest.raises(InvalidRecordError) as refused:
        parse_command(line)
    assert refused.value.reason == "line_too_long"
    assert str(len(line)) in refused.value.message
    assert len(refused.value.message) < 100


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
        assert reason_of_record({**RECORDS[kind], key: 1}) == "unknown_key"


@pytest.mark.parametrize(
    ("kind", "key"),
    [(kind, key) for kind, record in RECORDS.items() for key in record if key != "type"],
)
def test_every_required_key_must_be_given_and_not_null(kind: str, key: str) -> None:
    """Left out it is missing, null is a bad value, and the message names it."""
    record = {name: value for name, value in RECORDS[kind].items() if name != key}
    with pytest.raises(InvalidRecordError) as refused:
        command_from(record)
    assert (refused.value.reason, refused.value.message.split(":")[0]) == ("missing_key", key)
    assert reason_of_record({**record, key: None}) == "bad_value"


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
    command = command_from({**UNBIND, "reason": text})
    assert command.model_dump()["reason"] == text
    lines = [{**LINE, "sku": text, "category": text}]
    assert parsed_order(lines=lines).lines == (OrderLine(n=1, sku=text, qty=1, amount=1_000, category=text),)


@pytest.mark.parametrize(
    "seq", ["1", "-1.5e400", "true", "null", '"x"', "[]", '{"a":[{"b":":"}]}', "NaN", "9" * 4_300, "[" * 100 + "]" * 100]
)
def test_seq_of_any_kind_is_ignored(seq: str) -> None:
    """A source's own sequence number is neither read nor hashed."""
    command = parse_command(f'{ORDER},"seq":{seq}}}'.encode())
    assert command.content_hash() == parsed_order().content_hash()


# ---- numbers


AMOUNTS: dict[str, tuple[str, str]] = {
    "a whole float": ("1.0", "bad_value"),
    "a float with an exponent": ("1e3", "bad_value"),
    "a negative exponent": ("1000e-3", "bad_value"),
    "a fraction": ("12.5", "bad_value"),
    "minus nought, with a point": ("-0.0", "bad_value"),
    "a float beyond all": ("1e400", "bad_value"),
    "true": ("true", "bad_value"),
    "false": ("false", "bad_value"),
    "a string": ('"1"', "bad_value"),
    "an empty string": ('""', "bad_value"),
    "a list": ("[1]", "bad_value"),
    "an object": ("{}", "bad_value"),
    "NaN": ("NaN", "bad_value"),
    "Infinity": ("Infinity", "bad_value"),
    "-Infinity": ("-Infinity", "bad_value"),
    "negative": ("-1", "bad_value"),
    "2^43": (str(1 << 43), "bad_value"),
    "2^53": (str(1 << 53), "bad_value"),
    "2^53 + 1": (str((1 << 53) + 1), "bad_value"),
    "2^63": (str(1 << 63), "bad_value"),
    "2^64": (str(1 << 64), "bad_value"),
    "2^64 + 1, which wraps to 1": (str((1 << 64) + 1), "bad_value"),
    "400 digits": ("9" * 400, "bad_value"),
    "5,000 digits": ("9" * 5_000, "bad_json"),
    "100,000 digits": ("9" * 100_000, "bad_json"),
    "a nought in front": ("01", "bad_json"),
    "a plus sign": ("+1", "bad_json"),
    "hexadecimal": ("0x1", "bad_json"),
    "an underscore": ("1_0", "bad_json"),
    "a decimal point at the end": ("1.", "bad_json"),
}


@pytest.mark.parametrize(("amount", "reason"), AMOUNTS.values(), ids=list(AMOUNTS))
def test_amount_that_is_no_count_of_minor_units(amount: str, reason: str) -> None:
    """Money is an integer from 0 to 2^43 - 1, written as one (G-1); the message stays short."""
    line = ORDER.replace('"amount":1000', f'"amount":{amount}') + "}"
    with pytest.raises(InvalidRecordError) as refused:
        parse_command(line.encode())
    assert refused.value.reason == reason
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("amount", [0, 1, MINOR_MAX])
def test_amounts_at_the_limits(amount: int) -> None:
    """Nothing at all and the greatest amount are read exactly."""
    assert parsed_order(amount=amount).amount == amount


def test_amount_of_a_refund_is_more_than_nothing() -> None:
    """R-1: a refund of 0 is refused, of 1 read."""
    assert reason_of_record({**RECORDS["refund"], "amount": 0}) == "bad_value"
    assert command_from({**RECORDS["refund"], "amount": 1}).kind == "refund"


# ---- times


TIMES = [
    "",
    "now",
    "2026-02-01",
    "2026-02-01T00:00:00",
    "2026-02-01T00:00Z",
    "2026-02-01 00:00:00Z",
    "2026-02-01T00:00:00 Z",
    " 2026-02-01T00:00:00Z",
    "2026-02-01T00:00:00Z ",
    "2026-02-01T00:00:00Z\n",
    "2026-02-01T00:00:60Z",
    "2016-12-31T23:59:60Z",
    "2026-02-01T24:00:00Z",
    "2026-02-01T00:60:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-00T00:00:00Z",
    "2026-02-01T00:00:00.Z",
    "2026-02-01T00:00:00.1234567Z",
    "2026-02-01T00:00:00,5Z",
    "2026-02-01T00:00:00+0100",
    "2026-02-01T00:00:00+01",
    "2026-02-01T00:00:00+24:00",
    "2026-02-01T00:00:00+01:60",
    "2026-02-01T00:00:00+01:00:30",
    "2026-02-01T00:00:00UTC",
    "2026-02-01T00:00:00 Europe/London",
    "2026-W05-7T00:00:00Z",
    "2026-032T00:00:00Z",
    "20260201T000000Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "10000-01-01T00:00:00Z",
    "+2026-02-01T00:00:00Z",
    "٢٠٢٦-02-01T00:00:00Z",
]


@pytest.mark.parametrize("time", TIMES)
def test_time_that_is_not_rfc_3339_with_a_zone(time: str) -> None:
    """Naive times, second 60, hour 24, seven digits, other spellings, years 0 and 10000: refused (V-2)."""
    assert reason_of_value("at", time) == "bad_value"
    assert reason_of_record({**INVITE, "expires_at": time}) == "bad_value"


@pytest.mark.parametrize("time", [0, 1_769_904_000, 1.5, True, [], {}])
def test_time_that_is_no_string(time: object) -> None:
    """Seconds since 1970 are not guessed at."""
    assert reason_of_value("at", time) == "bad_value"


@pytest.mark.parametrize(
    ("time", "canonical"),
    [
        ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00.000000Z"),
        ("2026-02-01t00:00:00z", "2026-02-01T00:00:00.000000Z"),
        ("2026-02-01T00:00:00.5Z", "2026-02-01T00:00:00.500000Z"),
        ("2026-02-01T00:00:00.123456Z", "2026-02-01T00:00:00.123456Z"),
        ("2026-02-01T01:00:00+01:00", "2026-02-01T00:00:00.000000Z"),
        ("2026-01-31T18:15:00-05:45", "2026-02-01T00:00:00.000000Z"),
        ("2026-02-01T00:00:00-00:00", "2026-02-01T00:00:00.000000Z"),
        ("2026-02-01T23:59:00+23:59", "2026-02-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:01:00+00:01", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"),
    ],
)
def test_time_is_taken_in_utc_to_the_microsecond(time: str, canonical: str) -> None:
    """Any zone, lower-case letters, one to six digits, the first and the last instant there is."""
    assert format_instant(parsed_order(at=time).at) == canonical


# ---- ids, currencies


BAD_IDS: list[object] = [
    "",
    " ",
    "a b",
    " a",
    "a\u00a0b",
    "a\u2003b",
    "a\u3000b",
    "a\u2028b",
    "a\tb",
    "a\nb",
    "\0",
    "a\x7f",
    "a\u0085b",
    "a" * 129,
    "é" * 64 + "a",
    "猫" * 43,
    "e\u0301",
    "\u212b",
    1,
    1.5,
    True,
    ["a"],
    {"id": "a"},
]
GOOD_IDS = ["a", "a" * 128, "é" * 64, "猫" * 42 + "aa", "👩\u200d👧", "o/1", "o-1@x", '"', "\\", "<b>", "=1+1", "ſ"]


@pytest.mark.parametrize("record_id", BAD_IDS)
def test_text_that_is_no_id(record_id: object) -> None:
    """Empty, over 128 bytes, not NFC, any kind of space, control characters, not text: refused everywhere (V-2)."""
    for key in ("id", "member"):
        assert reason_of_value(key, record_id) == "bad_value"
    assert reason_of_record({**RECORDS["bind"], "inviter": record_id}) == "bad_value"
    assert reason_of_record({**RECORDS["bind"], "invite": record_id}) == "bad_value"
    assert reason_of_record({**RECORDS["refund"], "order": record_id}) == "bad_value"


@pytest.mark.parametrize("record_id", GOOD_IDS)
def test_id_of_any_language(record_id: str) -> None:
    """1 to 128 bytes of NFC text; joiners of emoji are neither spaces nor control characters; case is kept."""
    assert parsed_order(id=record_id, member=record_id).id == record_id


@pytest.mark.parametrize(
    "currency", ["gbp", "Gbp", "GB", "GBPX", "GBP ", "", "ZZZ", "XXX", "XTS", "XAU", "BTC", "826", 826, True, ["GBP"]]
)
def test_currency_that_is_none(currency: object) -> None:
    """Lower case, unknown, withdrawn, metals and the codes for "none" have no minor units."""
    assert reason_of_value("currency", currency) == "bad_value"
    assert reason_of_record({**RECORDS["refund"], "currency": currency}) == "bad_value"


@pytest.mark.parametrize("currency", ["GBP", "JPY", "KWD", "CLF"])
def test_currencies_of_every_exponent(currency: str) -> None:
    """2, 0, 3 and 4 digits."""
    assert parsed_order(currency=currency).currency == currency


# ---- orders and their lines


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": {}},
        {"lines": "[]"},
        {"lines": [None]},
        {"lines": [[]]},
        {"lines": [{**LINE, "amount": 999}]},
        {"lines": [LINE, {**LINE, "n": 2}]},
        {"lines": [{**LINE, "amount": 500}, {**LINE, "amount": 500}]},
        {"lines": [{**LINE, "n": 0}]},
        {"lines": [{**LINE, "n": -1}]},
        {"lines": [{**LINE, "n": "1"}]},
        {"lines": [{**LINE, "n": 1 << 43}]},
        {"lines": [{**LINE, "qty": -1}]},
        {"lines": [{**LINE, "qty": 0.5}]},
        {"lines": [{**LINE, "qty": None}]},
        {"lines": [{**LINE, "amount": 1000.0}]},
        {"lines": [{**LINE, "amount": 1_100}, {**LINE, "n": 2, "amount": -100}]},
        {"lines": [{**LINE, "amount": MINOR_MAX}, {**LINE, "n": 2, "amount": MINOR_MAX}]},
        {"lines": [{**LINE, "sku": None}]},
        {"lines": [{**LINE, "sku": 5}]},
        {"lines": [{**LINE, "sku": "x" * 501}]},
        {"carriage": 1_001},
        {"carriage": -1},
        {"carriage": 1.0},
        {"carriage": "0"},
    ],
)
def test_order_whose_parts_do_not_fit(changes: dict[str, Any]) -> None:
    """No lines in the list, lines that do not sum to the amount, two of one number, carriage above the amount."""
    assert reason_of_record({**RECORDS["order"], **changes}) == "bad_value"


@pytest.mark.parametrize("key", ["n", "sku", "qty", "amount"])
def test_required_key_of_a_line(key: str) -> None:
    """Left out it is missing, and the message says in which line; an unknown one is refused."""
    line = {name: value for name, value in LINE.items() if name != key}
    with pytest.raises(InvalidRecordError) as refused:
        command_from({**RECORDS["order"], "lines": [line]})
    assert (refused.value.reason, refused.value.message.split(":")[0]) == ("missing_key", f"lines.0.{key}")
    assert reason_of_record({**RECORDS["order"], "lines": [{**LINE, "colour": 1}]}) == "unknown_key"


@pytest.mark.parametrize(
    "changes",
    [
        {"carriage": 1_000},
        {"lines": [LINE]},
        {"lines": [{**LINE, "amount": 0}, {**LINE, "n": 7, "amount": 1_000}]},
        {"lines": [{**LINE, "qty": 0, "sku": "", "category": ""}]},
        {"lines": [{**LINE, "n": 2, "amount": 600}, {**LINE, "amount": 400}], "carriage": 400},
    ],
)
def test_order_whose_parts_fit(changes: dict[str, Any]) -> None:
    """Carriage up to the amount, numbers in any order with gaps, lines of nothing."""
    assert parsed_order(**changes).amount == 1_000


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
    assert reason_of_record({**plan(), **changes}) == "bad_value"


def test_unknown_key_inside_a_plan_is_refused() -> None:
    """P-2, also for the terms of its bindings."""
    assert reason_of_record(plan(colour=1)) == "unknown_key"
    assert reason_of_record(plan(binding={"ttl": 90})) == "unknown_key"


def test_defaults_of_a_plan_are_part_of_its_content() -> None:
    """Left out or spelled out: one content hash; another value: another."""
    spelled = {
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
    for changes in ({"binding": {"ttl_days": None}}, {"hold_days": 0}, {"rates_ppm": [100_000, 50_000]}):
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


# ---- any record, any bytes


ids = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40).filter(
    lambda text: len(text.encode()) <= 128
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
minors = st.integers(0, MINOR_MAX)
instants = st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999)
currencies = st.sampled_from(["GBP", "JPY", "KWD", "EUR"])
OPTIONAL = st.none()


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A valid record of any type, optional keys given, null or left out."""
    kind = draw(st.sampled_from(["invite", "bind", "unbind", "order", "refund", "plan"]))
    record = {"type": kind, "id": draw(ids), "at": _text_of(draw, draw(instants)), **draw(_REST[kind])}
    if draw(st.booleans()):
        record["seq"] = draw(st.integers() | texts)
    return record


def _text_of(draw: st.DrawFn, at: Any) -> str:
    """RFC 3339 in the zone's own offset; offsets of odd seconds (before 1900) in UTC."""
    utc = format_instant(at.astimezone(draw(st.just(None)) or __import__("datetime").UTC))
    return utc
