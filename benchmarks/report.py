"""The tables and the JSON of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.run import Report, Result, Sizes

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
    """One row each; a dash where a figure has no meaning."""
    print_aligned([HEAD, *map(_cells, results)])


def print_figures(results: Sequence[Result]) -> None:
    """What else was measured: a row for each figure."""
    rows = [
        (result.stream, result.case, result.store, name, f"{value:,.2f}")
        for result in results
        for name, value in result.figures.items()
    ]
    if rows:
        print_aligned([("stream", "case", "store", "figure", "value"), *rows], texts=TEXTS + 1)


def print_growth(results: Sequence[Result], streams: Sequence[str]) -> None:
    """Events per second of one stream in several sizes, smallest first, and how the last compares with the first."""
    rates: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for result in results:
        rates[result.case, result.store][result.stream] = result.events_per_second
    rows = [
        (case, store, *[f"{found[stream]:,.0f}" for stream in streams], f"{found[streams[-1]] / found[streams[0]]:.2f}")
        for (case, store), found in rates.items()
        if all(stream in found for stream in streams)
    ]
    print_aligned([("case", "store", *streams, "last / first"), *rows], texts=TEXTS - 1)


def print_failures(failures: Sequence[str]) -> None:
    """What has no figure, and why."""
    print()
    for failure in failures:
        print(f"failure: {failure}")


def write_json(path: Path, facts: Mapping[str, str], sizes: Sizes, report: Report) -> None:
    """The same and the seconds of every run."""
    document = {"machine": facts, "sizes": asdict(sizes), **asdict(report)}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def print_aligned(rows: Sequence[tuple[str, ...]], texts: int = TEXTS) -> None:
    """Rows under their head; so many columns from the left are texts."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        cells = [
            cell.ljust(width) if index < texts else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


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
