"""Amounts, times, ids, currencies and the parts of an order: what a value of each may be."""

import json
from typing import Any

import pytest

from ledger.clock import format_instant
from ledger.commands import command_from
from ledger.money import MINOR_MAX
from tests.records import LINE, ORDER, RECORDS, parsed_order, reason_of_record, refused

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
    assert refused(line).reason == reason


@pytest.mark.parametrize("amount", [0, 1, MINOR_MAX])
def test_amounts_at_the_limits(amount: int) -> None:
    """Nothing at all and the greatest amount are read exactly."""
    assert parsed_order(amount=amount).amount == amount


def test_amount_of_a_refund_is_more_than_nothing() -> None:
    """R-1: a refund of 0 is refused, of 1 read."""
    assert reason_of_record(RECORDS["refund"], amount=0) == "bad_value"
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
    assert reason_of_record(RECORDS["order"], at=time) == "bad_value"
    assert reason_of_record(RECORDS["invite"], expires_at=time) == "bad_value"


@pytest.mark.parametrize("time", [0, 1_769_904_000, 1.5, True, [], {}])
def test_time_that_is_no_string(time: object) -> None:
    """Seconds since 1970 are not guessed at."""
    assert reason_of_record(RECORDS["order"], at=time) == "bad_value"


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
GOOD_IDS = ["a", "a" * 128, "é" * 64, "猫" * 42 + "aa", "👩\u200d👧", "o/1", "o-1@x", '"', "\\", "<b>", "=1+1", "ß"]


@pytest.mark.parametrize("record_id", BAD_IDS)
def test_text_that_is_no_id(record_id: object) -> None:
    """Empty, over 128 bytes, not NFC, any kind of space, control characters, not text: refused everywhere (V-2)."""
    for key in ("id", "member"):
        assert reason_of_record(RECORDS["order"], **{key: record_id}) == "bad_value"
    assert reason_of_record(RECORDS["bind"], inviter=record_id) == "bad_value"
    assert reason_of_record(RECORDS["bind"], invite=record_id) == "bad_value"
    assert reason_of_record(RECORDS["refund"], order=record_id) == "bad_value"


@pytest.mark.parametrize("record_id", GOOD_IDS)
def test_id_of_any_language(record_id: str) -> None:
    """1 to 128 bytes of NFC text; joiners of emoji are neither spaces nor control characters; case is kept."""
    assert parsed_order(id=record_id, member=record_id).id == record_id


@pytest.mark.parametrize(
    "currency", ["gbp", "Gbp", "GB", "GBPX", "GBP ", "", "ZZZ", "XXX", "XTS", "XAU", "BTC", "826", 826, True, ["GBP"]]
)
def test_currency_that_is_none(currency: object) -> None:
    """Lower case, unknown, withdrawn, metals and the codes for "none" have no minor units."""
    assert reason_of_record(RECORDS["order"], currency=currency) == "bad_value"
    assert reason_of_record(RECORDS["refund"], currency=currency) == "bad_value"


@pytest.mark.parametrize("currency", ["GBP", "JPY", "KWD", "CLF"])
def test_currencies_of_every_exponent(currency: str) -> None:
    """2, 0, 3 and 4 digits."""
    assert parsed_order(currency=currency).currency == currency


# ---- orders and their lines


MISFITS: list[dict[str, Any]] = [
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
]


@pytest.mark.parametrize("changes", MISFITS)
def test_order_whose_parts_do_not_fit(changes: dict[str, Any]) -> None:
    """No lines in the list, lines that do not sum to the amount, two of one number, carriage above the amount."""
    assert reason_of_record(RECORDS["order"], **changes) == "bad_value"


@pytest.mark.parametrize("key", ["n", "sku", "qty", "amount"])
def test_required_key_of_a_line(key: str) -> None:
    """Left out it is missing, and the message says in which line; an unknown one is refused."""
    line = {name: value for name, value in LINE.items() if name != key}
    error = refused(json.dumps({**RECORDS["order"], "lines": [line]}))
    assert (error.reason, error.message.split(":")[0]) == ("missing_key", f"lines.0.{key}")
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
