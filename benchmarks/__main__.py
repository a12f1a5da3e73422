"""The command `python -m benchmarks`, from the top of the checkout."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import click

from benchmarks.child import COMMANDS
from benchmarks.engines import OPERATOR_SETTINGS, STORES, Postgres, Sqlite, engines
from benchmarks.evidence import Evidence, print_evidence
from benchmarks.journals import versions
from benchmarks.machine import facts, load
from benchmarks.payouts import Payouts, print_payouts
from benchmarks.profiling import profile
from benchmarks.report import print_facts, print_failures, print_figures, print_growth, print_table, write_json
from benchmarks.rows import Rows
from benchmarks.run import QUICK, Sizes, run
from benchmarks.scale import QUICK_SCALE, Scale, ScaleSizes
from benchmarks.scale_report import print_cost, print_rows, write_scale_json
from benchmarks.streams import PUBLIC, Stream, generated, public

STORE = click.Choice(STORES)
SERVERS: Mapping[str, Mapping[str, str]] = {"default": {}, "operator": OPERATOR_SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """On what is measured, and where files go.

    server  a name of SERVERS
    inputs  directory that keeps the generated files; None: they are made anew each time
    """

    stores: Sequence[str]
    server: str
    inputs: Path | None
    json_file: Path | None


class SizesParam(click.ParamType[tuple[int, ...]]):
    """One number of lines, or several separated by commas, smallest first."""

    name = "LINES[,LINES...]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers."""
        try:
            counts = tuple(int(text) for text in value.split(","))
        except ValueError:
            self.fail(f"{value!r}: write it like 1000000 or 1000000,10000000", param, ctx)
        if counts[0] < 1 or any(first >= second for first, second in pairwise(counts)):
            self.fail(f"{value!r}: sizes are at least 1, each larger than the one before", param, ctx)
        return counts


server_option = click.option(
    "--server",
    type=click.Choice(SERVERS),
    default="default",
    show_default=True,
    help="PostgreSQL as it comes, or with an operator's settings for 24 GB of memory; durable commits with either.",
)
inputs_option = click.option(
    "--inputs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the generated files in this directory and take them from there.",
)
json_option = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here too."
)


@click.group(invoke_without_command=True)
@click.option("--events", type=SizesParam(), help="Lines of the generated stream, of each size. Default: 1000000.")
@click.option("--quick", is_flag=True, help="A smoke run: 50,000 lines, no public stream.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Take the median of so many.")
@click.option("--store", "stores", type=STORE, multiple=True, default=STORES, help="Only this one. Default: both.")
@server_option
@inputs_option
@json_option
@click.pass_context
def benchmarks(
    context: click.Context, *, quick: bool, repeat: int, events: tuple[int, ...] | None, **where: Any
) -> None:
    """Measure the ledger on both stores, beside its peers and limits."""
    if context.invoked_subcommand is None:
        sizes = replace(QUICK if quick else Sizes(), repeat=repeat)
        measure(_fitted(sizes, events), Where(**where), is_quick=quick)


@benchmarks.command("profile")
@click.argument("case", type=click.Choice(COMMANDS))
@click.option("--store", type=STORE, required=True)
@click.option("--events", type=click.IntRange(min=1), default=50_000, show_default=True)
def profile_command(*, case: str, store: str, events: int) -> None:
    """Show where the time goes."""
    profile(case, store, events)


@benchmarks.command("replay")
@click.option("--events", type=SizesParam(), help="Lines of the streams. Default: 1000000,10000000,100000000.")
@click.option("--orders", type=click.IntRange(min=1), help="Orders of the journal the peers read. Default: 1000000.")
@click.option("--quick", is_flag=True, help="A smoke run: 20,000 orders, up to 200,000 lines.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Take the median of so many.")
@server_option
@inputs_option
@json_option
def replay_command(
    *, quick: bool, repeat: int, events: tuple[int, ...] | None, orders: int | None, **where: Any
) -> None:
    """Measure the replay at scale, beside programs that read journals; PostgreSQL only."""
    sizes = replace(QUICK_SCALE if quick else ScaleSizes(), repeat=repeat)
    sizes = replace(sizes, events=events or sizes.events, orders=orders or sizes.orders)
    try:
        for count in sizes.events:
            if count > sizes.ingested_max:
                sizes.shops(count)
    except ValueError as error:
        raise click.UsageError(f"--events: {error}") from None
    measure_scale(sizes, Where(stores=[Postgres.store], **where))


@benchmarks.command("verify")
@click.option("--events", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Lines of the stream.")
@click.option("--quick", is_flag=True, help="A smoke run: 50,000 lines.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Take the median of so many.")
@inputs_option
def verify_command(*, events: int, quick: bool, repeat: int, inputs: Path | None) -> None:
    """Measure the verifier on a bundle of a generated year, performed again in full; SQLite only."""
    with (
        TemporaryDirectory(prefix="refledger-benchmark-") as folder,
        engines([Sqlite.store], server_settings={}) as found,
    ):
        print_facts(facts(found))
        kept = inputs or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        rows = Rows(found[0].settle, repeat, _say)
        Evidence(found[0], min(events, QUICK.events[0]) if quick else events, Path(folder), kept, rows).run()
    print(f"load after  {load()}")
    print_evidence(rows.done)
    if rows.failures:
        print_failures(rows.failures)
        sys.exit(1)


@benchmarks.command("payouts")
@click.option(
    "--events", type=click.IntRange(min=1), default=10_000_000, show_default=True, help="Lines of the stream."
)
@click.option("--settled", type=click.IntRange(min=1), default=100_000, show_default=True, help="Rows a provider says.")
@click.option("--quick", is_flag=True, help="A smoke run: 50,000 lines.")
@server_option
@inputs_option
def payouts_command(*, events: int, settled: int, quick: bool, server: str, inputs: Path | None) -> None:
    """Measure a batch of all that is payable in a generated year, a member for ten events; PostgreSQL only."""
    with (
        TemporaryDirectory(prefix="refledger-benchmark-") as folder,
        engines([Postgres.store], server_settings=SERVERS[server]) as found,
    ):
        print_facts(facts(found))
        kept = inputs or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        rows = Rows(found[0].settle, 1, _say)
        count = min(events, QUICK.events[0]) if quick else events
        Payouts(cast("Postgres", found[0]), count, settled, Path(folder), kept, rows).run()
    print(f"load after  {load()}")
    print_payouts(rows.done)
    if rows.failures:
        print_failures(rows.failures)
        sys.exit(1)


def measure_scale(sizes: ScaleSizes, where: Where) -> None:
    """One run of the replay at scale; exit status 1 if anything has no figure."""
    with (
        TemporaryDirectory(prefix="refledger-benchmark-") as folder,
        engines(where.stores, server_settings=SERVERS[where.server]) as found,
    ):
        machine = facts(found) | versions()
        print_facts(machine)
        inputs = where.inputs or Path(folder)
        inputs.mkdir(parents=True, exist_ok=True)
        rows = Rows(found[0].settle, sizes.repeat, _say)
        scale = Scale(found[0], sizes, Path(folder), inputs, rows)
        scale.run()
    machine["load after"] = load()
    print(f"load after  {machine['load after']}")
    print_rows(rows.done)
    print_cost(rows.done, sizes.names)
    if where.json_file is not None:
        write_scale_json(where.json_file, machine, scale)
    if rows.failures:
        print_failures(rows.failures)
        sys.exit(1)


def measure(sizes: Sizes, where: Where, *, is_quick: bool) -> None:
    """One run from the machine's facts to the tables; exit status 1 if anything has no figure."""
    with (
        TemporaryDirectory(prefix="refledger-benchmark-") as folder,
        engines(where.stores, server_settings=SERVERS[where.server]) as found,
    ):
        machine = facts(found)
        print_facts(machine)
        streams = _streams(where.inputs or Path(folder), sizes, is_quick=is_quick)
        report = run(found, streams, sizes, _say)
    machine["load after"] = load()
    print(f"load after  {machine['load after']}")
    print_table(report.results)
    print_figures(report.results)
    if len(sizes.events) > 1:
        print_growth(report.results, [stream.name for stream in streams[: len(sizes.events)]])
    if where.json_file is not None:
        write_json(where.json_file, machine, sizes, report)
    if report.failures:
        print_failures(report.failures)
        sys.exit(1)


def _fitted(sizes: Sizes, events: tuple[int, ...] | None) -> Sizes:
    """What is done one by one or by the library never needs more than the stream has."""
    counts = events or sizes.events
    fixed = {name: min(getattr(sizes, name), counts[0]) for name in ("beginning", "saved", "called", "submitted")}
    return replace(sizes, events=counts, **fixed)


def _streams(folder: Path, sizes: Sizes, *, is_quick: bool) -> list[Stream]:
    folder.mkdir(parents=True, exist_ok=True)
    several = len(sizes.events) > 1
    streams = [
        generated(
            folder,
            f"generated_{count}" if several else "generated",
            count=count,
            beginning=sizes.beginning,
            is_larger=count > sizes.events[0],
        )
        for count in sizes.events
    ]
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
