"""Every posting with its period as one table: CSV, JSON Lines or Parquet (rules S-2, S-4)."""

from __future__ import annotations

import codecs
import csv
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal

from ledger.clock import format_instant, from_micros
from projections.as_named import as_named
from projections.export import forms
from projections.periods import Booked
from projections.replay.session import Setup, connected

Form = Literal["csv", "jsonl", "parquet"]
FORMS: tuple[Form, ...] = ("csv", "jsonl", "parquet")

# As the table of a bundle has them, and the periods.
COLUMNS = {
    "order": "VARCHAR",
    "kind": "VARCHAR",
    "level": "BIGINT",
    "position": "BIGINT",
    "value_at": "TIMESTAMPTZ",
    "debit": "VARCHAR",
    "credit": "VARCHAR",
    "currency": "VARCHAR",
    "amount": "BIGINT",
    "period": "TIMESTAMPTZ",
    "belongs": "TIMESTAMPTZ",
}

_Row = tuple[str | int | None, ...]


def write_booked(rows: Iterable[Booked], out: IO[bytes], form: Form) -> int:
    """Writes postings as they come; returns how many.

    Columns: order (or the stream of an adjustment or a payout), kind, level, position of the event that caused it,
    value_at, debit, credit, currency, amount in minor units, period (end of the closed period it is booked in; empty:
    of the open one) and belongs (end of the closed period that its time lies in, where that is another).
    """
    match form:
        case "jsonl":
            return _write_lines(rows, out)
        case "csv":
            return _write_csv(rows, out)
        case "parquet":
            return _write_parquet(rows, out)


def _write_lines(rows: Iterable[Booked], out: IO[bytes]) -> int:
    count = 0
    for count, row in enumerate(map(_cells, rows), start=1):  # noqa: B007  # the last one is how many
        line = json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
        out.write(f"{line}\n".encode())
    return count


def _write_csv(rows: Iterable[Booked], out: IO[bytes]) -> int:
    count = 0
    writer = csv.writer(codecs.getwriter("utf-8")(out), lineterminator="\n")
    writer.writerow(COLUMNS)
    for count, row in enumerate(map(_cells, rows), start=1):  # noqa: B007  # the last one is how many
        writer.writerow(row)
    return count


def _write_parquet(rows: Iterable[Booked], out: IO[bytes]) -> int:
    """By way of a CSV file: rows as Python has them would all have to be in memory."""
    with connected(Setup()) as duck, tempfile.TemporaryDirectory(prefix="refledger-export-") as work:
        text, whole = Path(work) / "rows.csv", Path(work) / "rows.parquet"
        with text.open("wb") as file:
            _write_csv(rows, file)
        forms.steady(duck)
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
        # Quotes are doubled and nothing is escaped, whatever an id looks like.
        read = f"""read_csv({forms.quoted(as_named(text))}, auto_detect = false, header = true, delim = ',',
            quote = '"', escape = '"', nullstr = '', columns = {{{columns}}})"""
        count = forms.copy_rows(duck, f"FROM {read}", whole, "parquet")
        with whole.open("rb") as file:
            shutil.copyfileobj(file, out)
        return count


def _cells(row: Booked) -> _Row:
    posting = row.posting
    return (
        posting.order or posting.stream,
        posting.kind,
        posting.level,
        posting.position,
        _instant(posting.value_at_us),
        posting.debit,
        posting.credit,
        posting.currency,
        posting.amount_minor,
        _instant(row.period_us),
        _instant(row.belongs_us) if row.belongs_us != row.period_us else None,
    )


def _instant(micros: int | None) -> str | None:
    return None if micros is None else format_instant(from_micros(micros))
