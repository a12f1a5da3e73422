"""How each accounting program wants to read a journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, Protocol
from urllib.parse import quote

from ledger.clock import format_instant
from projections.journals.posting import Transaction

Form = Literal["ledger", "hledger", "beancount"]

# Days that all three can read. Accounts are open from the first of them.
FIRST, LAST = date(1900, 1, 1), date(2999, 12, 30)

# What no program reads anything into; the rest of a text is spelt as in an address: `;` is `%3B`.
_HARMLESS = "-._~@/:+"


class Line(NamedTuple):
    """One side of a posting, by its name in the journal. amount: a decimal number, credits negative."""

    account: str
    amount: str
    currency: str
    level: int | None


class Dialect(Protocol):
    """What a program wants to see of each thing."""

    def head(self) -> str:
        """Before all else."""
        ...

    def currency(self, code: str, sample: str) -> str:
        """Before a currency is used; the sample has its decimals."""
        ...

    def account(self, name: str) -> str:
        """Before an account is used."""
        ...

    def transaction(self, transaction: Transaction, lines: Sequence[Line]) -> str:
        """What one event moved."""
        ...

    def balance(self, line: Line, last: date) -> str:
        """A claim that the program checks: the account's balance after the last day."""
        ...


class Plain:
    """ledger and hledger, which read the same but for their directives."""

    def __init__(self, form: Literal["ledger", "hledger"]) -> None:
        self._is_ledger = form == "ledger"

    def head(self) -> str:
        """The tags, declared; for hledger also what a point means."""
        tags = "".join(f"tag {tag}\n" for tag in ("stream", "order", "position", "value_at", "period", "level"))
        return tags if self._is_ledger else f"decimal-mark .\n{tags}"

    def currency(self, code: str, sample: str) -> str:
        """Hledger wants a decimal mark, also where no decimals follow."""
        if self._is_ledger:
            return f"commodity {code}\n    format {sample} {code}\n"
        return f"commodity {sample}{'' if '.' in sample else '.'} {code}\n"

    def account(self, name: str) -> str:
        """A declaration."""
        return f"account {name}\n"

    def transaction(self, transaction: Transaction, lines: Sequence[Line]) -> str:
        """Facts are tags in comments, one a line: a value ends with its line in ledger, at a comma in hledger."""
        facts = "".join(f"    ; {key}: {value}\n" for key, value in _facts(transaction))
        return f"\n{_day(transaction)} * {_title(transaction)}\n{facts}{''.join(map(_plain, lines))}"

    def balance(self, line: Line, last: date) -> str:
        """A posting of nothing, with the balance after it."""
        claim = f"0 {line.currency} = {line.amount} {line.currency}"
        return f"\n{last.isoformat()} * closing balance\n    {line.account}  {claim}\n"


class Beancount:
    """beancount, version 2 or 3."""

    def head(self) -> str:
        """Nothing."""
        return ""

    def currency(self, code: str, sample: str) -> str:
        """A declaration; decimals are what the amounts have."""
        del sample
        return f"{FIRST.isoformat()} commodity {code}\n"

    def account(self, name: str) -> str:
        """Open before any transaction, which need not come in order of time."""
        return f"{FIRST.isoformat()} open {name}\n"

    def transaction(self, transaction: Transaction, lines: Sequence[Line]) -> str:
        """Facts are metadata: numbers as they are, the rest in quotes."""
        facts = [f"  {key}: {value if key == 'position' else _quoted(value)}\n" for key, value in _facts(transaction)]
        title = f'\n{_day(transaction)} * "{_title(transaction)}"\n'
        return f"{title}{''.join(facts)}{''.join(map(_bean, lines))}"

    def balance(self, line: Line, last: date) -> str:
        """Of the next day's beginning, and exactly so."""
        day = last + timedelta(days=1)
        return f"\n{day.isoformat()} balance {line.account}  {line.amount} ~ 0 {line.currency}\n"


def dialect_of(form: Form) -> Dialect:
    """The dialect of a program."""
    return Beancount() if form == "beancount" else Plain(form)


def _day(transaction: Transaction) -> str:
    return transaction.value_at.date().isoformat()


def _title(transaction: Transaction) -> str:
    return f"{_spelt(transaction.kind)} {_spelt(transaction.stream)}"


def _facts(transaction: Transaction) -> Iterator[tuple[str, str]]:
    yield "stream", _spelt(transaction.stream)
    if transaction.order is not None and transaction.order != transaction.stream:
        yield "order", _spelt(transaction.order)
    yield "position", str(transaction.position)
    yield "value_at", format_instant(transaction.value_at)
    if transaction.period is not None:
        yield "period", _spelt(transaction.period)


def _spelt(text: str) -> str:
    return quote(text, safe=_HARMLESS)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _plain(line: Line) -> str:
    level = "" if line.level is None else f"  ; level: {line.level}"
    return f"    {line.account}  {line.amount} {line.currency}{level}\n"


def _bean(line: Line) -> str:
    level = "" if line.level is None else f"    level: {line.level}\n"
    return f"  {line.account}  {line.amount} {line.currency}\n{level}"
