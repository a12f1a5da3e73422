"""The table and the JSON of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.run import Result, Sizes

HEAD = (
    "stream",
    "case",
    "store",
    "batch",
    "lines",
    "events",
    "seconds",
    "lines/s",
    "events/s",
    "peak MB",
    "x peer",
    "x limit",
)
TEXTS = 3  # columns that are aligned left


def print_facts(facts: Mapping[str, str]) -> None:
    """The machine, one fact a line."""
    width = max(map(len, facts))
    for name, text in facts.items():
        print(f"{name:{width}}  {text}")


def print_table(results: Sequence[Result]) -> None:
    """Aligned columns; a dash where a figure has no meaning."""
    rows = [HEAD, *[_cells(result) for result in results]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        cells = [
            cell.ljust(width) if index < TEXTS else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def write_json(path: Path, facts: Mapping[str, str], sizes: Sizes, results: Sequence[Result]) -> None:
    """The same and the seconds of every run."""
    report = {"machine": facts, "sizes": asdict(sizes), "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.stream,
        result.case,
        result.store,
        f"{result.batch_size:,}",
        f"{result.lines:,}" if result.lines else "-",
        f"{result.events:,}",
        f"{result.seconds:.2f}",
        f"{result.lines_per_second:,.0f}" if result.lines else "-",
        f"{result.events_per_second:,.0f}",
        f"{result.peak_mb:,.0f}",
        _ratio(result.ratio_to_peer),
        _ratio(result.ratio_to_limit),
    )


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
