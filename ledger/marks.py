"""Marks: how far an input file has come, moved in the transaction that decides its lines.

An interrupted run, started again, must go on where it stopped rather than decide the same lines once more: a refund
that was rejected because its order came later would now be recorded before its turn (G-8).
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.store.session import Session, load

_UPSERT = load("ledger.store", "upsert_ingest_mark")
_SELECT = load("ledger.store", "select_ingest_mark")
_DELETE = load("ledger.store", "delete_ingest_mark")


class Mark(NamedTuple):
    """The first lines of an input, all decided.

    input   SHA-256 of the first line, hex
    lines   how many
    prefix  SHA-256 over them, hex
    """

    source: str
    input: str
    lines: int
    prefix: str


def move_mark(session: Session, mark: Mark) -> None:
    """Notes how far an input has come."""
    session.run(_UPSERT, source=mark.source, input=mark.input, lines=mark.lines, prefix=mark.prefix)


def mark_of(session: Session, source: str, first_line: str) -> Mark | None:
    """Where an input with this first line was interrupted, if it was."""
    rows = session.rows(_SELECT, source=source, input=first_line)
    return Mark(source, first_line, *rows[0]) if rows else None


def clear_mark(session: Session, mark: Mark) -> None:
    """An input is through."""
    session.run(_DELETE, source=mark.source, input=mark.input)
