"""The tables of a run of the replay at scale."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.journals import PEERS
from benchmarks.report import print_aligned
from benchmarks.rows import COMMAND, Row
from benchmarks.scale import PYTHON, Scale

HEAD = (
    "log",
    "case",
    "way",
    "events",
    "orders",
    "seconds",
    "events/s",
    "orders/s",
    "peak MB",
    "x python",
    "x ledger",
    "x hledger",
)
TEXTS = 3  # columns that are aligned left
# What a row is compared with.
AGAINST = (PYTHON, *PEERS)


def print_rows(rows: Sequence[Row]) -> None:
    """One row each, with how many times more orders a second it does than the Python engine and the peers."""
    rates: dict[str, float] = {}
    for row in rows:
        if row.way == COMMAND and row.case in AGAINST:
            # The peers' own log is measured first.
            rates.setdefault(row.case, row.orders_per_second)
    print_aligned([HEAD, *[_cells(row, rates) for row in rows]], texts=TEXTS)


def print_cost(rows: Sequence[Row], logs: Sequence[str]) -> None:
    """Nanoseconds an event of logs of several sizes, smallest first; the largest a case has, against the smallest."""
    costs: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.log in logs:
            costs[row.case, row.way][row.log] = 1e9 / row.events_per_second
    lines = [
        (*case, *[f"{found[log]:,.0f}" if log in found else "-" for log in logs], _last_to_first(found, logs))
        for case, found in costs.items()
    ]
    print_aligned([("case", "way", *[f"ns/event {log}" for log in logs], "last / first"), *lines], texts=2)


def write_scale_json(path: Path, facts: Mapping[str, str], scale: Scale) -> None:
    """Everything that was measured."""
    document = {
        "machine": facts,
        "sizes": asdict(scale.sizes),
        "rows": [asdict(row) for row in scale.rows.done],
        "failures": scale.rows.failures,
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _last_to_first(found: Mapping[str, float], logs: Sequence[str]) -> str:
    """A dash unless the smallest log and another have a figure."""
    there = [found[log] for log in logs if log in found]
    return f"{there[-1] / there[0]:.2f}" if logs[0] in found and len(there) > 1 else "-"


def _cells(row: Row, rates: Mapping[str, float]) -> tuple[str, ...]:
    return (
        row.log,
        row.case,
        row.way,
        f"{row.events:,}",
        f"{row.orders:,}",
        f"{row.ended.seconds:.2f}",
        f"{row.events_per_second:,.0f}",
        f"{row.orders_per_second:,.0f}",
        f"{row.ended.peak_mb:,.0f}",
        *[f"{row.orders_per_second / rates[name]:.2f}" if name in rates else "-" for name in AGAINST],
    )
