"""The application: takes the append lock, reads the decision state, decides command by command, appends.

Every input ends as an event, a repeat, a refusal that is an event too, or an outcome that says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import cast

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper

from ledger.clock import Clock, format_instant, system_clock
from ledger.commands import AHEAD_MAX, AnyCommand
from ledger.decider import Context, Decider, reviewed
from ledger.decisions import DecisionState, PublishedPlan
from ledger.errors import NoPlanError, RefusedError
from ledger.identity import identity_of
from ledger.ids import DEFAULT_SOURCE, check_id, check_source
from ledger.inputs import AdjustmentInput, AnyInput, input_of
from ledger.mapper import CanonicalMapper
from ledger.marks import Mark, clear_mark, move_mark
from ledger.outcomes import Outcome
from ledger.store.postgres import URL_KEY, URL_PREFIXES
from ledger.store.recorder import Append, LogRecorder
from ledger.store.session import Session
from ledger.store.sqlite import URL_PREFIX, path_of

EXPIRE_BATCH = 5_000


class _DryRunError(Exception):
    """Rolls a transaction back on purpose."""


class Ledger(Application[str]):
    """The referral ledger over one store."""

    name = "refledger"

    def __init__(self, url: str, *, actor: str = "anonymous", clock: Clock = system_clock) -> None:
        """Opens the store at `url`; `actor` is the label that goes into every event.

        Raises:
            ValueError: not a URL of a store we know.
        """
        super().__init__(_environment(url))
        self.log.url = None if path_of(url).startswith("file:") else url
        self._actor = check_id(actor)
        self._clock = clock
        self._published: list[PublishedPlan] = []

    @property
    def actor(self) -> str:
        """The label that goes into every event."""
        return self._actor

    def now(self) -> datetime:
        """By its own clock."""
        return self._clock()

    @property
    def log(self) -> LogRecorder:  # pyright: ignore[reportIncompatibleMethodOverride]  # deprecated in the library
        """The recorder, with our own reading and appending."""
        return cast("LogRecorder", self.recorder)

    def construct_mapper(self) -> Mapper[str]:
        """Canonical bytes, whatever the environment says."""
        return CanonicalMapper(self.construct_transcoder())

    def close(self) -> None:
        """Closes the store, once everything under way has ended."""
        self.log.close()
        super().close()

    def submit(
        self,
        commands: Sequence[AnyCommand],
        *,
        source: str = DEFAULT_SOURCE,
        allow_no_plan: bool = False,
        mark: Mark | None = None,
    ) -> list[Outcome]:
        """Decides and records a batch in one transaction: all of it or nothing.

        Args:
            commands: in the order in which they are decided.
            source: where they come from; ids are unique per source and type (G-6).
            allow_no_plan: record orders no plan is in force for, refuse such binds (P-5).
            mark: how far the input they come from is decided with them.

        Returns:
            One outcome per command.

        Raises:
            NoPlanError: see P-5; nothing of the batch was recorded.
        """
        inputs = [input_of(command, check_source(source)) for command in commands]
        return self.record(inputs, source=source, allow_no_plan=allow_no_plan, mark=mark)

    def record(
        self, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool = False, mark: Mark | None = None
    ) -> list[Outcome]:
        """As `submit`, for commands of that source that were made inputs already."""
        with self.log.appending() as append:
            outcomes, published = self._decide(append, inputs, source=source, allow_no_plan=allow_no_plan)
            if mark is not None:
                move_mark(append.session, mark)
        # Only what was committed is remembered.
        self._published = published
        return outcomes

    def review(self, inputs: Sequence[AnyInput], *, source: str) -> list[Outcome]:
        """What became of inputs that an earlier, interrupted run has decided already; records nothing.

        What is not in the log was rejected then, and is rejected again.
        """
        # Nothing is written; but only there do look-ups of a whole batch go by index.
        with self.log.writing() as session:
            return _review(session, inputs, source=source)

    def finish(self, mark: Mark) -> None:
        """An input is through: fed again, each of its lines is decided again."""
        with self.log.writing() as session:
            clear_mark(session, mark)

    @contextmanager
    def rehearsing(self) -> Generator[Rehearsal]:
        """Batches decided one after the other in one transaction that is rolled back at the end.

        Other writers wait meanwhile.
        """
        with suppress(_DryRunError), self.log.appending() as append:
            yield Rehearsal(partial(self._decide, append), partial(_review, append.session))
            raise _DryRunError

    def expire(self, as_of: datetime | None = None) -> int:
        """Records every binding that lapsed by `as_of` (default: now), each lapse once; returns how many.

        Raises:
            RefusedError: `as_of` lies in the future.

        Source: rule B-4.
        """
        total = 0
        while True:
            lapses = self.expire_batch(EXPIRE_BATCH, as_of)
            total += lapses
            if lapses < EXPIRE_BATCH:
                return total

    def expire_batch(self, most: int, as_of: datetime | None = None) -> int:
        """As `expire`, in one transaction: the oldest lapses, at most `most`."""
        with self.log.appending() as append:
            recorded_at = append.recorded_at(self._clock())
            upto = recorded_at if as_of is None else as_of
            if upto > recorded_at + AHEAD_MAX:
                raise RefusedError(f"{format_instant(upto)} is in the future: nothing can have lapsed by then")
            state = DecisionState(append.session, DEFAULT_SOURCE)
            context = Context(actor=self._actor, source=DEFAULT_SOURCE, recorded_at=recorded_at, by=None)
            decider = Decider(state, context, append.head)
            rows = state.lapses(upto, most)
            for row in rows:
                decider.record_lapse(row)
            append.append(decider.new, recorded_at)
            state.write()
        return len(rows)

    def _decide(
        self, append: Append, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool
    ) -> tuple[list[Outcome], list[PublishedPlan]]:
        """Reads, decides, appends and writes the decision state, all under the lock held by `append`."""
        recorded_at = append.recorded_at(self._clock())
        state = DecisionState(append.session, source, self._published)
        state.read(inputs)
        # Asked for only where it is recorded: single commands count their round trips.
        is_asked_for = any(type(asked) is AdjustmentInput for asked in inputs)
        by = identity_of(append.session, self._actor).by if is_asked_for else None
        context = Context(actor=self._actor, source=source, recorded_at=recorded_at, by=by, allow_no_plan=allow_no_plan)
        decider = Decider(state, context, append.head)
        outcomes: list[Outcome] = []
        try:
            # Events go out as they are decided: the database stores the first while the last is still to be decided.
            append.append(decider.decide_all(inputs, outcomes), recorded_at)
        except NoPlanError as error:
            error.index = len(outcomes)
            raise
        state.write()
        return outcomes, state.published


class Rehearsal:
    """What `Ledger.record` would answer, batch after batch, with nothing recorded in the end."""

    def __init__(
        self,
        decide: Callable[..., tuple[list[Outcome], list[PublishedPlan]]],
        review: Callable[..., list[Outcome]],
    ) -> None:
        self._decide = decide
        # What is decided already is in the log, rehearsed or not; as `Ledger.review`.
        self.review = review

    def record(
        self, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool = False, mark: Mark | None = None
    ) -> list[Outcome]:
        """As `Ledger.record`; no mark is moved."""
        del mark
        outcomes, _ = self._decide(inputs, source=source, allow_no_plan=allow_no_plan)
        return outcomes

    def finish(self, mark: Mark) -> None:
        """Leaves the mark where it is."""


def _review(session: Session, inputs: Sequence[AnyInput], *, source: str) -> list[Outcome]:
    state = DecisionState(session, source)
    state.read_recorded([asked.stream for asked in inputs])
    return [reviewed(state.recorded(asked.stream), asked) for asked in inputs]


def check_url(url: str) -> str:
    """The URL itself if it names a store; ValueError otherwise."""
    if (url.startswith(URL_PREFIX) and len(url) > len(URL_PREFIX)) or url.startswith(URL_PREFIXES):
        return url
    message = "is no store: use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    raise ValueError(message)


def _environment(url: str) -> dict[str, str]:
    """The library's settings for a store URL."""
    if check_url(url).startswith(URL_PREFIX):
        module, setting = "ledger.store.sqlite:SqliteStoreFactory", {"SQLITE_DBNAME": path_of(url)}
    else:
        module, setting = "ledger.store.postgres:PostgresStoreFactory", {URL_KEY: url}
    return {"PERSISTENCE_MODULE": module, "CREATE_TABLE": "n", **setting}
