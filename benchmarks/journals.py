"""The peers a finance user has, `ledger` and `hledger`: journals of what a log earns its members, and what they say."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from ledger.clock import from_micros
from ledger.store.recorder import Recorded
from projections.balances import Balance
from projections.changes import read_change
from projections.fold import Clawback, Fold, OrderOutcome

MEMBER, ROLE, EXPENSE = "member:", ":commission", "expense:commission"

# What members have left in minor units, by member and currency; nobody with nothing.
Left = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Journal:
    """What was written.

    orders        of the log, also those that earn nobody anything: they have no transaction
    transactions  orders that pay a level, and refunds that take something back
    postings      of those
    """

    orders: int
    transactions: int
    postings: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that reads journals.

    command   its words for balances of a file by the start of a day, with what makes it fastest
    balances  reads what it prints: account, amount
    """

    command: Callable[[Path, date], Sequence[str]]
    balances: Callable[[Iterable[str]], Iterator[Sequence[str]]]


def versions() -> dict[str, str]:
    """Of the peers that are installed."""
    asked = {name: [name, "--version"] for name in PEERS if shutil.which(name)}
    answers = {
        name: subprocess.run(command, capture_output=True, text=True, check=True) for name, command in asked.items()
    }
    return {name: answer.stdout.splitlines()[0] for name, answer in answers.items()}


def write_journal(rows: Iterable[Recorded], out: TextIO) -> Journal:
    """Writes what these events earn members and take back, in order of position.

    A transaction an order, on its day, with a posting for each level that is paid; one of the reverse for each refund
    that takes something back. Amounts are whole minor units, which are read no slower than others; the other side has
    no amount of its own, as both programs allow.

    Args:
        rows: positions 1..P of a log.
        out: the file.
    """
    fold, orders, transactions, postings = Fold(), 0, 0, 0
    for row in rows:
        change = read_change(row)
        fact = None if change is None else fold.apply(change)
        if isinstance(fact, OrderOutcome):
            orders += 1
            amounts = [-level.commission_minor for level in fact.levels]
            text = _transaction(fact.occurred_at_us, fact.order, fact, amounts)
        elif isinstance(fact, Clawback):
            text = _transaction(fact.value_at_us, fact.refund, fact.order, fact.clawed_back_minor)
        else:
            continue
        if text:
            out.write("\n".join(text))
            transactions += 1
            postings += len(text) - 3
    return Journal(orders, transactions, postings)


def left(balances: Iterable[Balance]) -> Left:
    """What ours say that members have left."""
    found = {(row.member, row.currency): row.earned - row.clawed_back for row in balances}
    return {account: minor for account, minor in found.items() if minor}


def write_left(found: Left, journal: Path) -> None:
    """Keeps them beside a journal for another process: member, currency and amount on a line."""
    lines = (f"{member}\t{currency}\t{minor}\n" for (member, currency), minor in found.items())
    _beside(journal).write_text("".join(lines), encoding="utf-8")


def read_left(journal: Path) -> Left:
    """What `write_left` kept."""
    rows = (line.split("\t") for line in _beside(journal).read_text(encoding="utf-8").splitlines())
    return {(member, currency): int(minor) for member, currency, minor in rows}


def left_by_peer(peer: Peer, printed: Iterable[str]) -> Left:
    """What a peer says that members have left: a member's account owes, so its amount is negative there."""
    found: dict[tuple[str, str], int] = {}
    for account, amount in peer.balances(printed):
        if account != EXPENSE:
            minor, currency = amount.split()
            found[account.removeprefix(MEMBER).removesuffix(ROLE), currency] = -int(minor)
    return found


def _beside(journal: Path) -> Path:
    return journal.with_suffix(".left")


def _transaction(at_us: int, payee: str, order: OrderOutcome, amounts: Sequence[int]) -> list[str]:
    """Its lines, the last two of them empty; none if no money moves."""
    lines = [
        f"    {MEMBER}{level.beneficiary}{ROLE}  {minor} {order.currency}"
        for level, minor in zip(order.levels, amounts, strict=True)
        if minor
    ]
    return [f"{from_micros(at_us):%Y-%m-%d} {payee}", *lines, f"    {EXPENSE}", "", ""] if lines else []


def _ledger(file: Path, end: date) -> Sequence[str]:
    # --args-only: no file of the user's own has a say. A tab, for accounts may have spaces.
    form = "%(account)\t%(display_total)\n"
    options = ("--args-only", "--flat", "--no-total", "--no-pager", "--balance-format", form)
    return ("ledger", "-f", str(file), "balance", *options, "--end", end.isoformat())


def _hledger(file: Path, end: date) -> Sequence[str]:
    # --ignore-assertions: there are none to look for.
    options = ("--flat", "--no-total", "--ignore-assertions", "-O", "csv")
    return ("hledger", "-f", str(file), "balance", *options, "--end", end.isoformat())


def _ledger_balances(printed: Iterable[str]) -> Iterator[Sequence[str]]:
    for line in printed:
        yield line.rstrip("\n").split("\t")


def _hledger_balances(printed: Iterable[str]) -> Iterator[Sequence[str]]:
    rows = csv.reader(printed)
    next(rows)
    yield from rows


PEERS: Mapping[str, Peer] = {
    "ledger": Peer(_ledger, _ledger_balances),
    "hledger": Peer(_hledger, _hledger_balances),
}
