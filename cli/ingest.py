"""For integrators: `ingest` feeds records of a shop into the ledger, in bulk or one by one."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol, cast

import click

from cli.context import CONFLICT, DONE, REFUSED, UNREACHABLE, Settings, opened, status_of
from cli.files import replacing
from cli.options import CheckedParam, format_option
from cli.output import Format, Report, Section, chosen, emit
from cli.parsing import Batch, Unfit, reading
from cli.records import Records, open_records
from cli.resuming import lines_decided
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.errors import NoPlanError, RefusedError
from ledger.garbage import collection_paused
from ledger.ids import DEFAULT_SOURCE, check_source
from ledger.inputs import AnyInput
from ledger.marks import Mark
from ledger.outcomes import Outcome

BATCH_SIZE = 10_000
REJECTS_SHOWN_MAX = 5
RECORD_KEPT_MAX = 2_000
KINDS = (
    "invite",
    "bind",
    "unbind",
    "order",
    "refund",
    "reversal",
    "freeze",
    "unfreeze",
    "adjustment",
    "plan",
)


@dataclass(slots=True)
class Tally:
    """What became of every line."""

    by_name: Counter[str] = field(default_factory=Counter)
    by_type: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_reason: Counter[str] = field(default_factory=Counter)

    def count(self, kinds: Iterable[str], outcomes: Iterable[Outcome]) -> None:
        """Lines more: what each was, and what became of it."""
        for (kind, outcome), lines in Counter(zip(kinds, outcomes, strict=True)).items():
            self.by_name[outcome.name] += lines
            self.by_type[kind][outcome.name] += lines
            if outcome.reason is not None:
                self.by_reason[outcome.reason] += lines

    def counts(self) -> dict[str, int]:
        """Every line read is in exactly one of the others."""
        names = self.by_name
        return {
            "read": names.total(),
            "appended": names["recorded"] + names["bound"],
            "repeats": names["repeat"],
            "refused": names["refused"],
            "conflicts": names["conflict"],
            "invalid": names["invalid"],
            "retryable": names["retryable"],
        }

    def status(self) -> int:
        """0 if every line is in the ledger, 5 with conflicts, else 6."""
        if self.by_name["conflict"]:
            return CONFLICT
        return REFUSED if self.by_name["invalid"] or self.by_name["retryable"] else DONE


class Rejects:
    """Where lines go that recorded nothing: to a file, and the first few to the terminal."""

    def __init__(self, file: IO[str] | None, shown_max: int = REJECTS_SHOWN_MAX) -> None:
        self._file = file
        self._shown_max = shown_max
        self._shown: Counter[str] = Counter()
        self.count = 0

    def add(self, number: int, text: bytes, outcome: Outcome) -> None:
        """One rejected line."""
        self.count += 1
        message = outcome.message or outcome.reason
        if self._file is not None:
            entry = {"line": number, "reason": outcome.reason, "message": message, "record": _record(text)}
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        # Some of each kind: a conflict is not lost behind many invalid lines.
        self._shown[outcome.name] += 1
        if self._shown[outcome.name] <= self._shown_max:
            say(f"line {number}: {outcome.reason}: {message}")
        elif self._shown[outcome.name] == self._shown_max + 1 > 1:
            more = "" if self._file else "; --rejects FILE keeps them all"
            say(f"more {outcome.name} lines follow{more}")


class Submitter(Protocol):
    """`Ledger.record`, or its rehearsal."""

    def record(
        self, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool, mark: Mark | None
    ) -> list[Outcome]:
        """Decides a batch."""
        ...

    def review(self, inputs: Sequence[AnyInput], *, source: str) -> list[Outcome]:
        """Looks up what an earlier run decided."""
        ...

    def finish(self, mark: Mark) -> None:
        """The input is through."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """Options of one run.

    decided    how many first lines an interrupted run has decided already
    is_marked  whether to note how far it came; a pipe cannot be read again from its beginning
    """

    source: str = DEFAULT_SOURCE
    allow_no_plan: bool = False
    dry_run: bool = False
    batch_size: int = BATCH_SIZE
    decided: int = 0
    is_marked: bool = False


@click.command(short_help="Feed records of a shop into the ledger.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--source",
    type=CheckedParam("name", check_source),
    default=DEFAULT_SOURCE,
    show_default=True,
    help="Where the records come from: ids are unique per source and type.",
)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Write every rejected line here, as JSON Lines."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 100_000),
    default=BATCH_SIZE,
    show_default=True,
    help="Records per transaction.",
)
@click.option("--dry-run", is_flag=True, help="Decide everything, record nothing. Other writers wait meanwhile.")
@click.option("--allow-no-plan", is_flag=True, help="Record orders no plan is in force for, refuse such binds.")
@format_option
@click.pass_obj
def ingest(settings: Settings, file: str, rejects: Path | None, form: Format | None, **options: Any) -> None:
    """Feed records into the ledger: JSON Lines, plain or gzip, from FILE or standard input (-).

    One JSON object a line; amounts are whole minor units, 139.12 is 13912; keys marked ? may be left out:

    \b
    {"type":"invite","id":..,"at":..,"inviter":..,"invitee":..?,"channel":..?,"expires_at":..?}
    {"type":"bind","id":..,"at":..,"member":..,"inviter":..,"invite":..?}
    {"type":"order","id":..,"at":..,"member":..,"currency":"GBP","amount":13912,"carriage":0?,
     "lines":[{"n":1,"sku":..,"qty":..,"amount":..,"category":..?}]?}
    {"type":"refund","id":..,"at":..,"order":..,"line":..?,"member":..?,"currency":..,"qty":..?,"amount":..}
    {"type":"unbind","id":..,"at":..,"member":..,"reason":..}
    {"type":"plan", ...}   as in `refledger plan publish --help`

    Every line ends as an event, a repeat, a recorded refusal, or a rejected line with its number and reason. The same
    file may be fed again, whole or in part: what is recorded already counts as a repeat. After an interruption run the
    same command again.

    \b
    refledger ingest orders.jsonl.gz --rejects rejects.jsonl
    shop-export | refledger ingest - --source shop
    """
    how = How(**options)
    if rejects is not None and rejects.exists() and file != "-" and rejects.samefile(file):
        raise click.BadParameter("is the input itself", param_hint="--rejects")
    tally = Tally()
    started = time.perf_counter()
    with opened(settings) as ledger, _rejects_file(rejects) as rejects_file, open_records(file) as records:
        rejected = Rejects(rejects_file)
        decided = lines_decided(ledger, file, how.source)
        how = replace(how, decided=decided, is_marked=records.size is not None)
        if how.decided:
            say(f"an earlier run was interrupted after {counted(how.decided, 'line')}: going on from there")
        deciding: AbstractContextManager[Submitter] = ledger.rehearsing() if how.dry_run else nullcontext(ledger)
        try:
            with deciding as submitter:
                feed(submitter, records, tally, rejected, how)
        finally:
            if tally.by_name or form == "json" or sys.exc_info()[0] is None:
                facts = {"blank": records.blank, "head": _head(ledger)}
                seconds = round(time.perf_counter() - started, 3)
                emit(tally_report(tally, {**facts, "seconds": seconds}), form, None)
    if chosen(form, None) in {"csv", "tsv"}:
        for reason, lines in sorted(tally.by_reason.items()):
            say(f"why not: {reason}: {counted(lines, 'line')}")
    if not tally.by_name:
        say(f"{file}: no records in it")
    if rejected.count:
        say(f"{counted(rejected.count, 'line')} rejected" + (f", see {rejects}" if rejects else ""))
    if how.dry_run:
        say("this was a dry run: nothing was recorded")
    sys.exit(tally.status())


def feed(submitter: Submitter, records: Records, tally: Tally, rejected: Rejects, how: How) -> None:
    """Feeds all lines, one transaction per batch; the first `how.decided` are only looked up."""
    done, mark = 0, None
    with (
        progress("ingest", records.size) as advance,
        collection_paused(),
        reading(records, how.source, how.batch_size) as batches,
    ):
        for batch in batches:
            mark = batch.mark if how.is_marked else None
            before, new = batch.split(max(0, how.decided - (batch.mark.lines - len(batch.parsed))))
            if before.parsed:
                _take(before, tally, rejected, partial(submitter.review, source=how.source))
            if new.parsed:
                record = partial(submitter.record, source=how.source, allow_no_plan=how.allow_no_plan, mark=mark)
                _take(new, tally, rejected, record)
            advance(batch.bytes_read - done)
            done = batch.bytes_read
            say(f"{tally.by_name.total()} lines read", at=1)
    if mark is not None:
        submitter.finish(mark)


def _take(batch: Batch, tally: Tally, rejected: Rejects, decide: Callable[[Sequence[AnyInput]], list[Outcome]]) -> None:
    """Only once the batch is committed are its lines counted and its rejects written."""
    inputs = [one for one in batch.parsed if not isinstance(one, Unfit)]
    try:
        decided = iter(decide(inputs))
    except NoPlanError as error:
        numbers = [
            number for number, one in zip(batch.numbers, batch.parsed, strict=True) if not isinstance(one, Unfit)
        ]
        kept = f"the {counted(tally.by_name.total(), 'line')} before this batch are in, nothing of it is"
        raise RefusedError(f"line {numbers[error.index]}: {error}; {kept}") from None
    outcomes = [
        Outcome("invalid", one.reason, one.message) if isinstance(one, Unfit) else next(decided) for one in batch.parsed
    ]
    kinds = [one.kind or _kind_of(text) for one, text in zip(batch.parsed, batch.texts, strict=True)]
    tally.count(kinds, outcomes)
    for number, text, outcome in zip(batch.numbers, batch.texts, outcomes, strict=True):
        if outcome.is_rejected:
            rejected.add(number, text, outcome)


def _kind_of(text: bytes) -> str:
    """The type a rejected line says it is, where that can be told."""
    record = _record(text)
    kind = cast("dict[str, object]", record).get("type") if isinstance(record, dict) else None
    return next((known for known in KINDS if known == kind), "unknown")


def _record(text: bytes) -> Any:  # noqa: ANN401  # whatever JSON holds
    """A rejected line as JSON, or else as text; a long one is cut."""
    try:
        record = json.loads(text) if len(text) <= RECORD_KEPT_MAX * 100 else None
        json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        record = None
    return text[:RECORD_KEPT_MAX].decode("utf-8", "replace").rstrip("\r\n") if record is None else record


def _head(ledger: Ledger) -> int | None:
    """The last position; None of a database that has just gone: to ask it again takes long and hides the cause."""
    error = sys.exception()
    return None if error is not None and status_of(error) == UNREACHABLE else ledger.log.head()


@contextmanager
def _rejects_file(path: Path | None) -> Generator[IO[str] | None]:
    """The rejects under a temporary name until the run is over; also those of a run that was stopped."""
    if path is None:
        yield None
        return
    with replacing(path, even_if_cut_short=True) as file:
        yield file


def tally_report(tally: Tally, facts: dict[str, Any]) -> Report:
    """What became of the lines, by type, by reason and in all."""
    by_type = {kind: dict(sorted(outcomes.items())) for kind, outcomes in sorted(tally.by_type.items())}
    by_reason = dict(sorted(tally.by_reason.items()))
    rows = [
        {"type": kind, "outcome": outcome, "lines": count}
        for kind, outcomes in by_type.items()
        for outcome, count in outcomes.items()
    ]
    sections = [Section(["type", "outcome", "lines"], rows)]
    if by_reason:
        reasons = [{"reason": reason, "lines": count} for reason, count in by_reason.items()]
        sections.append(Section(["reason", "lines"], reasons, title="why not"))
    total = tally.counts()
    columns = [*total, "blank", "head"]
    sections.append(Section(columns, [{**total, **facts}], title="in all"))
    return Report(sections, {**total, "by_type": by_type, "by_reason": by_reason, **facts})
