"""Journals: what stands in them, letter by letter, and names that lead back to where they came from."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import to_micros
from projections.journals.accounts import account_name, account_of
from projections.journals.dialects import Form
from projections.journals.journal import Journal, UnwritableError
from projections.journals.posting import transactions_of
from tests.postings import AWKWARD, EXPENSE, NOON, Posted, member, story

IDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)

LEDGER = """\
; as of 2026-03-31
tag stream
tag order
tag position
tag value_at
tag period
tag level

commodity GBP
    format 1000.00 GBP
account Expenses:Commission
account Liabilities:Members:Pending:M-ben
account Liabilities:Members:Pending:M-ann

2026-02-10 * accrual order-o1
    ; stream: order-o1
    ; position: 4
    ; value_at: 2026-02-10T12:00:00.000000Z
    ; period: 2026-02
    Expenses:Commission  9.99 GBP  ; level: 1
    Liabilities:Members:Pending:M-ben  -9.99 GBP  ; level: 1
    Expenses:Commission  4.99 GBP  ; level: 2
    Liabilities:Members:Pending:M-ann  -4.99 GBP  ; level: 2

2026-02-10 * closing balance
    Expenses:Commission  0 GBP = 14.98 GBP

2026-02-10 * closing balance
    Liabilities:Members:Pending:M-ann  0 GBP = -4.99 GBP

2026-02-10 * closing balance
    Liabilities:Members:Pending:M-ben  0 GBP = -9.99 GBP
"""

BEANCOUNT = """\

1900-01-01 commodity JPY
1900-01-01 open Expenses:Adjustment
1900-01-01 open Liabilities:Members:Available:M-ann

2026-02-13 * "adjustment adjustment-a%3B1"
  stream: "adjustment-a%3B1"
  position: 10
  value_at: "2026-02-13T12:00:00.000000Z"
  period: "2026-02"
  Expenses:Adjustment  500 JPY
  Liabilities:Members:Available:M-ann  -500 JPY

2026-02-14 balance Expenses:Adjustment  500 ~ 0 JPY

2026-02-14 balance Liabilities:Members:Available:M-ann  -500 ~ 0 JPY
"""


def text(form: Form, postings: list[Posted], notes: tuple[str, ...] = (), *, is_closed: bool = True) -> str:
    """A whole journal."""
    return "".join(Journal(form).texts(postings, period_of=lambda _: "2026-02", notes=notes, is_closed=is_closed))


def test_a_journal_letter_by_letter() -> None:
    """One transaction for an order with its two levels; what it is, where it is from, and the balances after it."""
    assert text("ledger", story()[:2], ("as of 2026-03-31",)) == LEDGER
    hledger = LEDGER.replace("tag stream\n", "decimal-mark .\ntag stream\n")
    hledger = hledger.replace("commodity GBP\n    format 1000.00 GBP", "commodity 1000.00 GBP")
    assert text("hledger", story()[:2], ("as of\n 2026-03-31",)) == hledger


def test_another_program_letter_by_letter() -> None:
    """Beancount wants quotes, accounts that are open, and balances of the next morning."""
    assert text("beancount", story()[-1:]) == BEANCOUNT


def test_currencies_without_decimals() -> None:
    """A currency without decimals keeps its mark where hledger wants one."""
    assert "commodity 1000. JPY\n" in text("hledger", story())
    assert "commodity JPY\n    format 1000 JPY\n" in text("ledger", story())


def test_one_transaction_an_event() -> None:
    """Levels of one order go together; its maturity, of another day, and its clawback, of another event, do not."""
    found = [(row.kind, row.position, len(row.postings)) for row in transactions_of(story())]
    assert found[:3] == [("accrual", 4, 2), ("clawback", 5, 1), ("maturity", 4, 1)]
    journal = Journal("ledger")
    list(journal.texts(story()))
    assert (journal.transactions, journal.postings) == (6, 7)


def test_a_refund_names_its_order() -> None:
    """Where the cause is not the order itself, both are there; without periods nothing is said of them."""
    said = "".join(Journal("hledger").texts(story()[2:3]))
    assert "* clawback refund-r1\n    ; stream: refund-r1\n    ; order: order-o1\n    ; position: 5\n" in said
    assert "; period" not in said


def test_periods_part_transactions() -> None:
    """Postings of one event in two periods are two transactions, each with its period."""
    postings = [row._replace(level=level) for level, row in enumerate(story()[:1] * 3, start=1)]
    found = list(transactions_of(postings, lambda row: "closed" if row.level == 1 else "open"))
    assert [(row.period, len(row.postings)) for row in found] == [("closed", 1), ("open", 2)]


def test_accounts_of_the_house() -> None:
    """Where programs expect expenses and assets, and back."""
    names = {
        "expense:commission": "Expenses:Commission",
        "house:adjustment": "Expenses:Adjustment",
        "house:payout": "Assets:Payout",
        "member:ben:pending": "Liabilities:Members:Pending:M-ben",
        "member:a-b.c:available": "Liabilities:Members:Available:M-a--b-2Ec",
        "member:é:reserved": "Liabilities:Members:Reserved:M--C3-A9",
    }
    assert {account: account_name(account) for account in names} == names
    assert {account_of(name): name for name in names.values()} == names


@given(IDS, IDS, st.sampled_from(["pending", "available", "reserved"]))
def test_names_lead_back(one: str, other: str, part: str) -> None:
    """Whatever a member is called, the name is plain, leads back to that member, and is nobody else's."""
    name = account_name(member(one, part))
    assert account_of(name) == member(one, part)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-")
    assert (account_name(member(other, part)) == name) == (one == other)


def test_awkward_names_lead_back() -> None:
    """Dashes, escapes that are there already, colons as in our own accounts."""
    names = {account_name(member(one)): one for one in AWKWARD}
    assert len(names) == len(AWKWARD)
    assert all(account_of(name) == member(one) for name, one in names.items())


@pytest.mark.parametrize("account", ["", "member:ben", "member::pending", "member:ben:paid", "house:cash", "expense"])
def test_accounts_that_are_none(account: str) -> None:
    """They are not written under some other name."""
    with pytest.raises(ValueError, match="no account"):
        account_name(account)


@pytest.mark.parametrize("name", ["", "Assets", "Liabilities:Members:Pending:M-", "Liabilities:Members:Pending:M-a-b"])
def test_names_that_are_none(name: str) -> None:
    """They lead nowhere."""
    with pytest.raises(ValueError, match="no name of an account"):
        account_of(name)


@pytest.mark.parametrize("year", [1, 1899, 3000, 9999])
def test_years_that_no_program_reads(year: int) -> None:
    """Refused before anything wrong is written."""
    posting = story()[0]._replace(value_at_us=to_micros(datetime(year, 6, 1, tzinfo=UTC)))
    with pytest.raises(UnwritableError, match=r"order-o1 has a posting on \d{4}-06-01"):
        text("hledger", [posting])


def test_postings_are_not_gathered() -> None:
    """The first transactions are out before the source, which has no end, is asked for many more."""
    asked = 0

    def endless() -> Iterator[Posted]:
        nonlocal asked
        while True:
            asked += 1
            order, at = f"order-{asked}", to_micros(NOON)
            yield Posted(order, "accrual", 1, order, asked, at, EXPENSE, member("ben"), "GBP", 1)

    pieces = list(islice(Journal("beancount").texts(endless()), 101))
    assert len(pieces) == 101
    assert asked <= 102


def test_a_currency_that_nobody_knows_any_more() -> None:
    """Its decimals are given by whoever has them, from the event; nobody guesses."""
    posting = story()[0]._replace(currency="XQX")
    with pytest.raises(ValueError, match="ISO 4217"):
        text("ledger", [posting])
    assert "99.9 XQX" in "".join(Journal("ledger", {"XQX": 1}.__getitem__).texts([posting]))
