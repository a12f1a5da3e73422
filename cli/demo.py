"""The whole story on one page: a history goes in; balances, a team, an explained order and a proof come out."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import click

from cli.balances import balance_report
from cli.context import DISAGREE, NOT_FOUND
from cli.explain import order_report
from cli.history import Shape, lines
from cli.ingest import How, Rejects, Tally, feed, tally_report
from cli.output import Report, rendered
from cli.payout_reports import payouts_report
from cli.records import open_records
from cli.replay_report import replay_report
from cli.teams import Team, team_report
from cli.terminal import coloured, counted, progress
from cli.verifying import verification_report
from ledger.application import Ledger
from ledger.clock import from_micros, system_clock
from ledger.commands import command_from
from ledger.currencies import format_minor
from ledger.ids import stream_of
from ledger.payout_commands import PrepareBatch
from ledger.payouts.approving import approve
from ledger.payouts.preparing import prepare
from ledger.store.migrate import migrate
from ledger.store.session import Session, load
from ledger.tree.checkpoint import sign_head
from ledger.tree.ed25519 import SEED_BYTES
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.signer import nothing_signed
from projections.agreement import Means, check_agreed
from projections.balances import Balance, balances_at, digest
from projections.batches import batch_of, payouts_in
from projections.explanation import explain_order
from projections.export.asked import Asked as Export
from projections.export.asked import SignedHead
from projections.export.bundle import export_bundle
from projections.figures import Replay
from projections.heads import head_to_sign
from projections.parquet_check import differences
from projections.payable import payable_at_head
from projections.payouts import NotPaidOutError, propose
from projections.replay.session import Setup
from projections.replay_python import replay
from projections.runner import Runner
from projections.team import downline, team_totals
from projections.tree import catch_up
from projections.verify.asked import Asked
from projections.verify.trust import Trust
from projections.verify.verification import verify
from projections.view import PACKAGES

BALANCES_SHOWN_MAX = 8
TEAM_SHOWN_MAX = 10
PAYOUTS_SHOWN_MAX = 5
STANDARD_PLAN = {
    "type": "plan",
    "plan": 1,
    "at": "2000-01-01T00:00:00Z",
    "rates_ppm": [100_000, 50_000, 20_000],
    "min_payout": {"GBP": 2_000},
}

_ORDER_TO_SHOW = load("projections", "select_order_to_show")
_LAST_ORDER_TIME = load("projections", "select_last_order_time")


@click.command(short_help="Run the whole story on a generated history.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, another history.")
@click.option("--members", type=click.IntRange(min=1), default=1_000, show_default=True, help="How many join.")
@click.option("--orders", type=click.IntRange(min=1), default=8_000, show_default=True, help="How many they place.")
@click.option(
    "--input",
    "file",
    type=click.Path(exists=True, dir_okay=False),
    help="Use these records instead of a generated history.",
)
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave history, ledger and export in this folder."
)
def demo(*, seed: int, members: int, orders: int, file: str | None, keep: Path | None) -> None:
    """Run the whole story on a history made from a seed, in an SQLite file of its own.

    Feeds a year of a shop in, then shows balances, a team, an explained order, a payout, a replay that matches, and an
    export that is signed, and verified without the database.
    """
    with _folder(keep) as folder:
        _headline("1. A history")
        if file is None:
            file = str(_generated(folder / "history.jsonl", Shape(seed=seed, members=members, orders=orders)))
        url = f"sqlite:///{folder / 'refledger.db'}"
        migrate(url, PACKAGES)
        ledger = Ledger(url, actor="demo")
        try:
            is_proven = _story(ledger, file, folder)
        finally:
            ledger.close()
        if keep is not None:
            click.echo(f"\nLook further with: refledger --db {url} balance")
    if not is_proven:
        click.echo("error: the figures do not agree", err=True)
        sys.exit(DISAGREE)


def _story(ledger: Ledger, file: str, folder: Path) -> bool:
    """Every step after the history; whether all proofs held."""
    _ingest(ledger, file)
    _timed("events projected", lambda: Runner(ledger.log).catch_up())
    with ledger.log.reading() as session:
        last = session.rows(_LAST_ORDER_TIME)[0][0]
        if last is None:
            click.echo(f"error: {file} has no orders to show", err=True)
            sys.exit(NOT_FOUND)
        as_of, head = from_micros(last), ledger.log.head()
        balances = balances_at(session, as_of)
        _show_balances(balances)
        _show_team(session, balances, as_of, head)
        _show_order(session, ledger, as_of, head)
    if balances:
        _pay(ledger, _top(balances)[0].currency, as_of)
    return _prove(ledger, digest(balances), as_of, folder)


@contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="refledger-demo-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty: name a new folder", param_hint="--keep")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _generated(path: Path, shape: Shape) -> Path:
    with path.open("wb") as out:
        out.writelines(lines(shape))
    click.echo(
        f"{shape.orders} orders of {shape.members} members over {shape.days} days, made from seed {shape.seed}: "
        "invites, binds, lapses, re-binds, refunds in parts and late, repeats, a change of plan."
    )
    return path


def _ingest(ledger: Ledger, file: str) -> None:
    _headline("2. Into the ledger: every line ends as an event, a repeat, a refusal or a rejected line")
    tally, started = Tally(), time.perf_counter()
    with open_records(file) as records:
        if not records.starts_with_plan():
            ledger.submit([command_from(STANDARD_PLAN)])
        feed(ledger, records, tally, Rejects(None, shown_max=0), How())
        facts = {"blank": records.blank, "head": ledger.log.head(), "seconds": round(time.perf_counter() - started, 1)}
    _print(tally_report(tally, facts))
    click.echo(f"{tally.by_name.total()} lines in {facts['seconds']} s")


def _show_balances(balances: list[Balance]) -> None:
    shown = _top(balances)[:BALANCES_SHOWN_MAX]
    _headline(f"3. Balances: the {len(shown)} who earned most, of {len(balances)}")
    _print(balance_report(shown))


def _show_team(session: Session, balances: list[Balance], as_of: datetime, head: int) -> None:
    if not balances:
        return
    member = _top(balances)[0].member
    team = downline(session, member, as_of, 3)
    every = max(1, len(team) // TEAM_SHOWN_MAX)
    shown = team[::every][:TEAM_SHOWN_MAX]
    some = f", {len(shown)} of them" if len(shown) < len(team) else ""
    _headline(f"4. A team: {member} has {counted(len(team), 'member')} below{some}")
    found = Team(shown, totals=team_totals(session, member, as_of))
    _print(team_report(member, "down", as_of, head, found))


def _show_order(session: Session, ledger: Ledger, as_of: datetime, head: int) -> None:
    stream: str = session.rows(_ORDER_TO_SHOW)[0][0]
    _headline("5. An order, explained to the last fraction of a minor unit")
    found = explain_order(session, ledger.log, stream.removeprefix(stream_of("order", "")), "default", as_of)
    _print(order_report(found, as_of, head))


def _pay(ledger: Ledger, currency: str, cut_off: datetime) -> None:
    """A batch of all that is payable; nothing is recorded that two implementations do not agree on (X-2)."""
    _headline("6. A payout: computed twice, prepared by one, approved by another")
    try:
        with ledger.log.reading() as session:
            proposal = propose(session, ledger.log, currency, cut_off)
    except NotPaidOutError as error:
        click.echo(f"no payout: {error}")
        return
    check_agreed(ledger.log, proposal, Means())
    asked = PrepareBatch(at=system_clock(), currency=currency, cut_off=cut_off, id="demo")
    prepared = prepare(ledger, asked, proposal.draft())
    if prepared.name != "recorded":
        click.echo(f"no payout: {prepared.reason}")
        return
    with closing(Ledger(cast("str", ledger.log.url), actor="chief")) as approver:
        approval = approve(approver, "demo", payable_at_head)
    Runner(ledger.log).catch_up()
    with ledger.log.reading() as session:
        batch = batch_of(session, "demo")
        _print(payouts_report(payouts_in(session, batch)[:PAYOUTS_SHOWN_MAX]))
    total = f"{format_minor(approval.total_minor, currency)} {currency}"
    reasons = Counter(row.reason for row in proposal.left_out)
    others = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    click.echo(f"{counted(approval.reserved, 'payout')}, {total} reserved; left out: {others or 'nobody'}")


def _prove(ledger: Ledger, live: str, as_of: datetime, folder: Path) -> bool:
    _headline("7. Replay: everything again, from the events alone")
    found = replay(ledger.log.read(), as_of)
    _print(replay_report(found))
    click.echo(f"live balances  {live}\nreplay         {found.digest}   {_verdict(found.digest == live)}")

    return _export(ledger, found, folder) and found.digest == live


def _export(ledger: Ledger, found: Replay, folder: Path) -> bool:
    """A signed head, an export under it, and what somebody without the database makes of that."""
    _headline("8. Export: signed, and verified without the database by whoever has the public key")
    key = SignerKey("demo.example/ledger", Kind.NOTE, secrets.token_bytes(SEED_BYTES))
    catch_up(ledger.log)
    head = sign_head(head_to_sign(ledger.log, nothing_signed(key.name), lambda _: None), key)
    signed = SignedHead.verified(bytes(head), key.verifier)
    asked = Export(signed, 1, signed.head.size, as_of=found.as_of)
    export_bundle(ledger.log, asked, key, folder / "bundle", setup=Setup(), bars=progress)
    answer = verify(folder / "bundle", Asked(Trust((key.verifier,)), compare_parquet=differences))
    _print(verification_report(answer))
    is_same = answer.report.facts.get("digest") == found.digest
    click.echo(f"digest  {answer.report.facts.get('digest')}   {_verdict(is_same)}")
    return answer.status == 0 and is_same


def _verdict(is_same: bool) -> str:  # noqa: FBT001  # one word for one fact
    return "matches" if is_same else "DIFFERS"


def _top(balances: list[Balance]) -> list[Balance]:
    return sorted(balances, key=lambda balance: -balance.earned)


def _timed(what: str, work: Callable[[], int]) -> None:
    started = time.perf_counter()
    count = work()
    click.echo(f"{count} {what} in {time.perf_counter() - started:.1f} s")


def _headline(text: str) -> None:
    click.echo(f"\n{coloured(text)}\n")


def _print(report: Report) -> None:
    click.echo(rendered(report, "table"), nl=False)
