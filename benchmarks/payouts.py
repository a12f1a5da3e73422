"""A run of payouts: a batch of a whole shop prepared, approved, sent and settled, by the commands of two people."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from benchmarks.engines import Postgres
from benchmarks.measure import Job, expect
from benchmarks.programs import Ended, Limits, run_program
from benchmarks.replays import AS_OF
from benchmarks.report import print_aligned
from benchmarks.rows import COMMAND, Row, Rows, spawned
from benchmarks.run import ROOT
from benchmarks.scale import REFLEDGER
from benchmarks.streams import generated
from cli.ingest import BATCH_SIZE
from ledger.identity import APPROVER_ROLE
from ledger.store.postgres import WRITER_ROLE
from tests.logins import login, url_of

EVENTS_PER_MEMBER = 10
CUT_OFF = (AS_OF + timedelta(microseconds=1)).isoformat()
REPLAY, PREPARE, APPROVE, SEND, SETTLE = "limit: replay", "prepare", "approve", "send", "settle"
SEALED_REPLAY, SEALED = "limit: replay, sealed", "prepare, sealed"
LIMIT_OF = {PREPARE: REPLAY, SEALED: SEALED_REPLAY}
HEAD = ("case", "items", "seconds", "items/s", "peak MB", "x limit")
# What a worker does all the time.
CURRENT = ("worker", "run", "--once", "--projections", "commissions")
LINES = """
    SELECT max((convert_from(state, 'UTF8')::jsonb #>> '{data,count}')::int) FROM event
    WHERE topic = 'PayoutBatchPrepared'
"""
LIMITS = Limits(seconds=1_800, memory_mb=16_000)


@dataclass(frozen=True, slots=True)
class Payouts:
    """A run.

    events           of the log, about
    settled          rows of the provider's file, at most
    folder, inputs   for what is written, for generated streams
    """

    engine: Postgres
    events: int
    settled: int
    folder: Path
    inputs: Path
    rows: Rows

    def run(self) -> None:
        """One log, and one batch of all that is payable in it."""
        with self.rows.about("payouts"), self.engine.fresh("payouts") as url:
            members = self.events // EVENTS_PER_MEMBER
            stream = generated(self.inputs, "payouts", count=self.events, beginning=1, members=members)
            spawned(Job(case="ingest", log=url, file=str(stream.whole), batch_size=BATCH_SIZE))
            self._refledger(url, *CURRENT)
            writer, approver = f"IN ROLE {WRITER_ROLE}", f"IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}"
            with login(url, writer) as clerk, login(url, approver) as chief:
                self._batch(url_of(url, clerk), url_of(url, chief))

    def _batch(self, clerk: str, chief: str) -> None:
        """The life of a batch; `clerk` and `chief` are one database for two logins."""
        with psycopg.connect(clerk) as connection:
            events = _number(connection, "SELECT max(position) FROM event")
            payees = self._payees(name for (name,) in connection.execute("SELECT DISTINCT member FROM balance"))
        archive = str(self.folder / "archive")
        self._refledger(clerk, "archive", "seal", archive)
        replayed = ("replay", "--engine", "duckdb", "--as-of", AS_OF.isoformat(), "--format", "json")
        asked = ("payout", "prepare", "--currency", "GBP", "--cut-off", CUT_OFF, "--payees", str(payees))
        self._measure(REPLAY, events, clerk, replayed)
        self._measure(PREPARE, events, clerk, (*asked, "--id", "stored"))
        self._measure(SEALED_REPLAY, events, clerk, (*replayed, "--archive", archive))
        self._measure(SEALED, events, clerk, (*asked, "--id", "all", "--archive", archive))
        with psycopg.connect(clerk) as connection:
            lines = _number(connection, LINES)
        self._measure(APPROVE, lines, chief, ("payout", "approve", "all"))
        sent, said = self.folder / "sent.csv", self.folder / "said.csv"
        written = ("--format", "csv", "--payees", str(payees), "-o", str(sent))
        self._measure(SEND, lines, clerk, ("payout", "export", "all", *written))
        rows = self._answer(sent, said)
        expect("rows of the provider", found=rows, wanted=min(lines, self.settled))
        self._refledger(clerk, *CURRENT)
        self._measure(SETTLE, rows, clerk, ("payout", "settle", str(said), "--format", "json"))
        with psycopg.connect(clerk) as connection:
            paid = _number(connection, "SELECT count(*) FROM event WHERE topic = 'PayoutPaid'")
        expect("payouts that are paid", found=paid, wanted=rows)

    def _payees(self, members: Iterator[str]) -> Path:
        """Accounts for everyone who has a balance."""
        path = self.folder / "payees.csv"
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["member", "name", "account", "routing", "country"])
            out.writerows([name, f"Holder {name}", f"{n:08}", "200000", "GB"] for n, name in enumerate(members))
        return path

    def _answer(self, sent: Path, said: Path) -> int:
        """What a provider says that paid the first of what was sent; returns how many rows."""
        with sent.open(newline="") as file, said.open("w", newline="") as answer:
            out = csv.writer(answer)
            out.writerow(["reference", "status", "amount", "currency", "provider_reference"])
            rows = [
                [row["reference"], "paid", row["amount"], row["currency"], f"psp-{number}"]
                for number, row in enumerate(islice(csv.DictReader(file), self.settled))
            ]
            out.writerows(rows)
        return len(rows)

    def _measure(self, case: str, items: int, url: str, words: Sequence[str]) -> None:
        def measure() -> Row:
            ended = self._refledger(url, *words)
            return Row(log="", case=case, way=COMMAND, events=items, orders=0, ended=ended)

        self.rows.measure(case, measure)

    def _refledger(self, url: str, *words: str) -> Ended:
        return run_program(
            (REFLEDGER, "--db", url, *words), self.folder / "printed.txt", LIMITS, {"PYTHONPATH": str(ROOT)}
        )


def _number(connection: psycopg.Connection[Any], query: LiteralString) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def print_payouts(rows: Sequence[Row]) -> None:
    """One row each; a prepared batch beside the replay that is the half of it which trusts nothing but the events."""
    rates = {row.case: row.events_per_second for row in rows}
    lines = [
        (
            row.case,
            f"{row.events:,}",
            f"{row.ended.seconds:.2f}",
            f"{row.events_per_second:,.0f}",
            f"{row.ended.peak_mb:,.0f}",
            f"{rates[row.case] / rates[limit]:.2f}" if (limit := LIMIT_OF.get(row.case)) in rates else "-",
        )
        for row in rows
    ]
    print_aligned([HEAD, *lines], texts=1)
