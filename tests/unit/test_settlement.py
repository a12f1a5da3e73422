"""Settlement files: every line is settled, or refused with its number and why."""

import io
import re
import time
from datetime import UTC, datetime

import pytest

from projections.payments.errors import BadFileError, Fault
from projections.payments.payment import Payout, by_reference
from projections.payments.profile import SettlementProfile, profile_of, shipped_profile
from projections.payments.settlement import Settlement, read_settlement
from tests.payments import payout

HEAD = "reference,status,amount,currency,provider_reference,at,reason\n"

OTHER = """
title = "another bank"
columns = [{ name = "a", value = "reference" }, { name = "b", value = "amount" },
           { name = "c", value = "iban" }, { name = "d", value = "currency" }]
[settlement]
delimiter = ";"
decimal_mark = ","
columns = { reference = "Kundenreferenz", status = "Status", amount = "Betrag", currency = "W", at = "Zeit" }
[settlement.statuses]
paid = ["OK", "erledigt"]
failed = ["Fehler"]
"""


def generic() -> SettlementProfile:
    """What comes back under our own names."""
    profile = shipped_profile("generic").settlement
    assert profile is not None
    return profile


def settle(text: str, *payouts: Payout, profile: SettlementProfile | None = None) -> Settlement:
    """A file against a batch; of lines without a header if they have none."""
    raw = text if profile or text.startswith("reference") else HEAD + text
    return read_settlement(
        io.BytesIO(raw.encode()), profile or generic(), by_reference(payouts or (payout(1), payout(2)))
    )


def said(found: Settlement) -> list[tuple[int, str, str]]:
    """What is to be settled: line, payout, status."""
    return [(row.line, row.payout.id, row.status) for row in found.rows]


def test_lines_that_can_be_settled() -> None:
    """All four statuses, with and without what may be left out."""
    found = settle(
        "b1.1,paid,10.00,GBP,tx-1,2026-12-01T10:00:00+01:00,\n"
        "b1.2,failed,10.00,GBP,,,account closed\n"
        "b1.3,returned,10.00,GBP,tx-3,,\n"
        "\n"
        "b1.4,unknown,10.00,GBP,,,\n",
        *map(payout, range(1, 5)),
    )
    assert found.is_clean
    assert said(found) == [(2, "b1.1", "paid"), (3, "b1.2", "failed"), (4, "b1.3", "returned"), (6, "b1.4", "unknown")]
    first, second = found.rows[:2]
    assert (first.provider_reference, first.at, first.reason) == ("tx-1", datetime(2026, 12, 1, 9, tzinfo=UTC), None)
    assert (second.provider_reference, second.at, second.reason) == (None, None, "account closed")
    assert first.payout == payout(1)


def test_the_least_columns() -> None:
    """Four are enough, in any order; others are passed over."""
    text = "fee,amount,currency,reference,status\n0.20,10.00,GBP,b1.1,paid\n"
    assert said(settle(f"{text}", profile=generic())) == [(2, "b1.1", "paid")]


def test_a_file_of_somebody_else() -> None:
    """Its own columns, words, delimiter and decimal comma."""
    profile = profile_of(OTHER).settlement
    text = "Kundenreferenz;Status;Betrag;W\r\nb1.1;erledigt;10,00;GBP\r\nb1.2;Fehler;10.00;GBP\r\n"
    found = settle(text, profile=profile)
    assert said(found) == [(2, "b1.1", "paid")]
    assert found.faults == [Fault(3, "amount: must be an amount with 2 decimal places, like 139.12")]


def test_short_references_are_matched() -> None:
    """A payout whose id no bank takes comes back by its short reference, as long as the file has room for."""
    long = payout(1, id="x" * 40)
    for most in (18, 35):
        payouts = by_reference([long], most)
        [reference] = payouts
        raw = f"{HEAD}{reference},paid,10.00,GBP,,,\n".encode()
        assert read_settlement(io.BytesIO(raw), generic(), payouts).rows[0].payout is long


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("b1.1,payed,10.00,GBP,,,", "status: 'payed' means nothing here; known are paid, failed, returned, unknown"),
        ("b1.1,PAID,10.00,GBP,,,", "status: 'PAID' means nothing here"),
        ("b1.1,,10.00,GBP,,,", "status: '' means nothing here"),
        ("b1.1,paid,10,GBP,,,", "amount: must be an amount with 2 decimal places, like 139.12"),
        ("b1.1,paid,10.0,GBP,,,", "amount: must be"),
        ("b1.1,paid,10.000,GBP,,,", "amount: must be"),
        ("b1.1,paid,-10.00,GBP,,,", "amount: must be"),
        ("b1.1,paid,010.00,GBP,,,", "amount: must be"),
        ('b1.1,paid,"1,000.00",GBP,,,', "amount: must be"),
        ("b1.1,paid,1e1,GBP,,,", "amount: must be"),
        ("b1.1,paid,10.00,GBP,,yesterday,", "at: must be a time like"),
        ("b1.1,paid,10.00,GBP,,2026-12-01T10:00:00,", "at: must be a time like"),
        (f"b1.1,paid,10.00,GBP,{'x' * 201},,", "provider_reference: must be at most 200 characters"),
        ("b1.1,paid,10.00,GBP,a\x7fb,,", "provider_reference: must be at most 200 characters"),
        (f"b1.1,failed,10.00,GBP,,,{'x' * 501}", "reason: must be at most 500 characters"),
        ("b1.1,paid,10.00,GBP", "has 4 fields, the header 7"),
        ('b1.1,paid,"10.00,GBP,,,', "a quote is not closed on its line"),
    ],
)
def test_lines_that_cannot_be_read(line: str, why: str) -> None:
    """The line is refused with its number; the one after it is settled."""
    found = settle(f"{line}\nb1.2,paid,10.00,GBP,,,\n")
    assert [(fault.line, fault.message[: len(why)]) for fault in found.faults] == [(2, why)]
    assert said(found) == [(3, "b1.2", "paid")]
    assert not found.is_clean


def test_lines_about_something_else() -> None:
    """A reference that the batch does not have, also one in other letters; no reference at all."""
    found = settle("b2.1,paid,10.00,GBP,,,\nB1.1,paid,10.00,GBP,,,\n,paid,10.00,GBP,,,\n")
    assert found.unmatched == [
        Fault(2, "no payment 'b2.1' was reserved here"),
        Fault(3, "no payment 'B1.1' was reserved here"),
        Fault(4, "no payment '' was reserved here"),
    ]
    assert not found.rows


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("b1.1,paid,9.99,GBP,,,", "9.99 GBP"),
        ("b1.1,paid,10.00,EUR,,,", "10.00 EUR"),
        ("b1.1,paid,10.00,,,,", "10.00 of no"),
    ],
)
def test_other_money_than_was_to_be_paid(line: str, says: str) -> None:
    """Another amount or currency is never settled (X-4)."""
    found = settle(line)
    assert not found.rows
    assert found.contradicting[0].line == 2
    assert re.match(rf"b1\.1 is 10\.00 GBP, the line says {says}", found.contradicting[0].message)


def test_the_same_again() -> None:
    """A line that says again what another says is counted once, and is no reason to refuse the file."""
    found = settle("b1.1,paid,10.00,GBP,tx,,\nb1.2,paid,10.00,GBP,,,\nb1.1,paid,10.00,GBP,tx,,\n")
    assert said(found) == [(2, "b1.1", "paid"), (3, "b1.2", "paid")]
    assert found.doubled == [Fault(4, "b1.1: says again what line 2 says")]
    assert found.is_clean


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        (["unknown,tx", "paid,tx"], ["unknown", "paid"]),
        (["unknown,", "failed,tx"], ["unknown", "failed"]),
        (["paid,tx", "returned,tx"], ["paid", "returned"]),
        (["unknown,", "paid,tx", "returned,tx"], ["unknown", "paid", "returned"]),
        (["unknown,", "paid,tx", "paid,tx"], ["unknown", "paid"]),
    ],
)
def test_lines_that_follow_on_each_other(lines: list[str], statuses: list[str]) -> None:
    """What a payment went through, in its order, is settled line by line."""
    rows = (line.split(",") for line in lines)
    found = settle("".join(f"b1.1,{status},10.00,GBP,{reference},,\n" for status, reference in rows))
    assert [row.status for row in found.rows] == statuses
    assert found.is_clean


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["paid,tx", "failed,"], "line 2 says paid, line 3 failed"),
        (["returned,tx", "paid,tx"], "line 2 says returned, line 3 paid"),
        (["failed,", "paid,tx"], "line 2 says failed, line 3 paid"),
        (["paid,tx", "unknown,"], "line 2 says paid, line 3 unknown"),
        (["paid,tx", "paid,ty"], "line 2 says paid, line 3 paid"),
        (["paid,tx", "returned,ty"], "lines 2 and 3 have different references of the provider"),
    ],
)
def test_lines_that_contradict_each_other(lines: list[str], why: str) -> None:
    """None of them is settled: nobody can say which is true."""
    rows = (line.split(",") for line in lines)
    text = "".join(f"b1.1,{status},10.00,GBP,{reference},,\n" for status, reference in rows)
    found = settle(f"{text}b1.2,paid,10.00,GBP,tz,,\n")
    assert said(found) == [(4, "b1.2", "paid")]
    assert found.contradicting == [Fault(2, f"b1.1: {why}"), Fault(3, f"b1.1: {why}")]


def test_one_reference_of_the_provider_for_two_payouts() -> None:
    """One of them was not paid by it; neither is settled (X-4)."""
    found = settle("b1.1,paid,10.00,GBP,tx,,\nb1.2,paid,10.00,GBP,tx,,\n")
    assert not found.rows
    assert [fault.line for fault in found.contradicting] == [2, 3]
    assert "'tx' is there for more than one payout" in found.contradicting[0].message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no header"),
        ("reference,status,amount\n", "the header has no column 'currency'; it has reference, status, amount"),
        ("reference,status,amount,currency,status\n", "the column 'status' is there twice"),
    ],
)
def test_headers_that_cannot_be(text: str, why: str) -> None:
    """Such a file settles nothing."""
    with pytest.raises(BadFileError, match=why):
        settle(text, profile=generic())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('amount = "Betrag", ', "", "settlement: no column for amount"),
        ('"Status"', '"Betrag"', "settlement: one column stands for two fields"),
        ('"Fehler"', '"OK"', "settlement: a word stands for two statuses"),
        ("failed =", "lost =", "settlement.statuses.lost"),
    ],
)
def test_profiles_that_cannot_be(old: str, new: str, why: str) -> None:
    """What is wrong, and where."""
    assert old in OTHER
    with pytest.raises(BadFileError, match=re.escape(why)):
        profile_of(OTHER.replace(old, new))


def test_a_large_file_in_seconds() -> None:
    """20,000 lines against as many payouts, each in exactly one list."""
    payouts = [payout(no, 1_000 + no) for no in range(20_000)]
    lines = [f"b1.{no},paid,{10 + no // 100}.{no % 100:02},GBP,tx{no},,\n" for no in range(20_000)]
    lines[5], lines[6], lines[7] = lines[5].replace("GBP", "EUR"), "x" + lines[6], lines[8]
    began = time.perf_counter()
    found = settle("".join(lines), *payouts)
    assert time.perf_counter() - began < 20
    lists = (found.rows, found.faults, found.unmatched, found.doubled, found.contradicting)
    assert [len(rows) for rows in lists] == [19_997, 0, 1, 1, 1]
