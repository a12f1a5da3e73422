"""The command `python -m benchmarks`, from the top of the checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.child import COMMANDS
from benchmarks.engines import STORES, engines
from benchmarks.machine import facts, load
from benchmarks.profiling import profile
from benchmarks.report import print_facts, print_table, write_json
from benchmarks.run import QUICK, Sizes, run
from benchmarks.streams import PUBLIC, Stream, generated, public

STORE = click.Choice(STORES)


@click.group(invoke_without_command=True)
@click.option("--events", type=click.IntRange(min=1), help="Lines of the generated stream. Default: 1,000,000.")
@click.option("--quick", is_flag=True, help="A smoke run: 50,000 lines, no public stream.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Take the median of so many.")
@click.option("--store", "stores", type=STORE, multiple=True, default=STORES, help="Only this one. Default: both.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here too."
)
@click.pass_context
def benchmarks(
    context: click.Context,
    *,
    events: int | None,
    quick: bool,
    repeat: int,
    stores: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Measure ingest, projection and replay on both stores, beside their peers and limits."""
    if context.invoked_subcommand is None:
        sizes = replace(QUICK if quick else Sizes(), repeat=repeat)
        measure(_fitted(sizes, events), stores, json_file, is_quick=quick)


@benchmarks.command("profile")
@click.argument("case", type=click.Choice(COMMANDS))
@click.option("--store", type=STORE, required=True)
@click.option("--events", type=click.IntRange(min=1), default=50_000, show_default=True)
def profile_command(*, case: str, store: str, events: int) -> None:
    """Show where the time goes."""
    profile(case, store, events)


def measure(sizes: Sizes, stores: tuple[str, ...], json_file: Path | None, *, is_quick: bool) -> None:
    """One run from the machine's facts to the table."""
    with TemporaryDirectory(prefix="refledger-benchmark-") as folder, engines(stores) as found:
        machine = facts(found)
        print_facts(machine)
        results = run(found, _streams(Path(folder), sizes, is_quick=is_quick), sizes, _say)
    machine["load after"] = load()
    print(f"load after  {machine['load after']}")
    print_table(results)
    if json_file is not None:
        write_json(json_file, machine, sizes, results)


def _fitted(sizes: Sizes, events: int | None) -> Sizes:
    """What is done one by one or by the library never needs more than the stream has."""
    count = events or sizes.events
    return replace(sizes, events=count, beginning=min(sizes.beginning, count), saved=min(sizes.saved, count))


def _streams(folder: Path, sizes: Sizes, *, is_quick: bool) -> list[Stream]:
    streams = [generated(folder, count=sizes.events, beginning=sizes.beginning)]
    if is_quick:
        return streams
    published = public(folder, beginning=sizes.beginning)
    if published is None:
        _say(f"no public stream at {PUBLIC}: left out; set REFLEDGER_TEST_DATA")
        return streams
    return [*streams, published]


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    benchmarks()
