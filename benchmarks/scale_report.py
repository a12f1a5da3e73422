"""The tables of a run of the replay at scale."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.journals import PEERS
from benchmarks.report import print_aligned
from benchmarks.scale import COMMAND, PYTHON, Row, Scale

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
            rates.setdefault(row.case, row.orders / row.seconds)
    print_aligned([HEAD, *[_cells(row, rates) for row in rows]], texts=TEXTS)


def print_cost(rows: Sequence[Row], logs: Sequence[str]) -> None:
    """Nanoseconds an event of logs of several sizes, smallest first, and how the last compares with the first."""
    costs: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        costs[row.case, row.way][row.log] = row.seconds / row.events * 1e9
    lines = [
        (case, way, *[f"{found[log]:,.0f}" for log in logs], f"{found[logs[-1]] / found[logs[0]]:.2f}")
        for (case, way), found in costs.items()
        if all(log in found for log in logs)
    ]
    print_aligned([("case", "way", *[f"ns/event {log}" for log in logs], "last / first"), *lines], texts=2)


def write_scale_json(path: Path, facts: Mapping[str, str], scale: Scale) -> None:
    """Everything that was measured."""
    document = {
        "machine": facts,
        "sizes": asdict(scale.sizes),
        "rows": [asdict(row) for row in scale.rows],
        "failures": scale.failures,
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _cells(row: Row, rates: Mapping[str, float]) -> tuple[str, ...]:
    rate = row.orders / row.seconds
    return (
        row.log,
        row.case,
        row.way,
        f"{row.events:,}",
        f"{row.orders:,}",
        f"{row.seconds:.2f}",
        f"{row.events / row.seconds:,.0f}",
        f"{rate:,.0f}",
        f"{row.peak_mb:,.0f}",
        *[f"{rate / rates[name]:.2f}" if name in rates else "-" for name in AGAINST],
    )
