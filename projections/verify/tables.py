"""The derived tables of a bundle against what the events give, row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.errors import MalformedEvidenceError
from ledger.rules.accrual import Levels
from ledger.tree.hashing import root_of
from projections.verify.books import Books, Clawback
from projections.verify.facts import Placed
from projections.verify.folder import Folder
from projections.verify.manifest import CSV
from projections.verify.moves import Move
from projections.verify.performing import Performance
from projections.verify.report import Report
from projections.verify.table_files import TableFile
from projections.verify.table_rows import (
    BALANCES,
    HEADINGS,
    OUTCOMES,
    PAYOUTS,
    POSTINGS,
    TABLES,
    TEAM,
    balance_row,
    move_row,
    outcome_row,
    payout_row,
    posting_rows,
    team_rows,
)


class Tables:
    """Sums up what orders come to by T, and compares every table that is there."""

    def __init__(self, folder: Folder, as_of: str, report: Report) -> None:
        self.books = Books(as_of)
        self._folder, self._as_of, self._report = folder, as_of, report
        self._files: dict[str, TableFile] = {}
        for name in TABLES:
            if folder.has(CSV[name]):
                with report.checking(name):
                    self._files[name] = TableFile(name, folder.path / CSV[name], report)
        self._outcomes, self._postings = self._files.get(OUTCOMES), self._files.get(POSTINGS)

    def take(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...]) -> None:
        """The next order."""
        if order.at > self._as_of:
            return
        self.books.take(order, available_at, levels, clawbacks)
        if self._outcomes is not None:
            self._outcomes.expect(outcome_row(order, available_at, levels, self._counted(clawbacks)))
        if self._postings is not None:
            self._postings.expect(posting_rows(order, available_at, levels, clawbacks, self._as_of))

    def _counted(self, clawbacks: tuple[Clawback, ...]) -> Sequence[Clawback]:
        return [one for one in clawbacks if one.value_at <= self._as_of] if clawbacks else ()

    def move(self, move: Move) -> None:
        """What an adjustment or a payout moves."""
        self.books.move(move)
        if self._postings is not None and move.value_at <= self._as_of:
            self._postings.expect(move_row(move))

    def end(self, performance: Performance) -> None:
        """There are no more: balances, payouts and teams are what they are."""
        if (balances := self._files.get(BALANCES)) is not None:
            for balance in self.books.balances():
                balances.expect(balance_row(balance))
        if (team := self._files.get(TEAM)) is not None:
            for row in team_rows(performance.relations.histories, parse_instant(self._as_of)):
                team.expect(row)
        if (payouts := self._files.get(PAYOUTS)) is not None:
            for row in performance.finance.payouts.rows(self._as_of):
                payouts.expect(payout_row(row))
        for name, file in self._files.items():
            sha256 = file.end()
            self._folder.seen[CSV[name]] = file.size_bytes, sha256
            self._report.begin(name, f"{file.rows} rows, each computed again")


def digest_of(balances: Path) -> str:
    """The digest that the rows of a table of balances have, whether they are right or not (S-3).

    Raises:
        MalformedEvidenceError: they are none.
    """
    with balances.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        heading = HEADINGS[BALANCES].strip().split(",")
        if next(rows, None) != heading:
            raise MalformedEvidenceError("balances.csv has another heading")
        return root_of(_line(heading, row) for row in rows).hex()


def _line(heading: list[str], row: list[str]) -> bytes:
    member, currency, *money = row
    amounts = zip(heading[2:], map(int, money), strict=True)
    return canonical({"member": member, "currency": currency, **dict(amounts)})
