"""Finance in several processes at once: decided by the append lock, nothing twice, nothing lost (rules X-2 to X-4)."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing.managers import SyncManager
from threading import Barrier

import pytest

from ledger.application import Ledger
from ledger.payouts.adjustments import approve_adjustments
from ledger.payouts.approving import approve, reject
from ledger.payouts.preparing import Draft, prepare
from ledger.payouts.sending import PaymentFile, send
from ledger.payouts.settling import settle_payouts
from tests.builders import adjustment, submit
from tests.payout_desk import DIGEST, Desk, Seat, batch_command, payable, said, seated

ROUNDS = 4
AT_ONCE = 3
WAIT_SECONDS = 60
MEMBERS = [f"m{number:02d}" for number in range(40)]
Task = Callable[[Ledger], list[str]]


@dataclass(frozen=True)
class Offices:
    """Processes that each open the store as somebody and start their tasks at the same instant."""

    pool: ProcessPoolExecutor
    manager: SyncManager

    def run(self, *tasks: tuple[Seat, Task]) -> list[list[str]]:
        """What each task answers, in their order."""
        barrier = self.manager.Barrier(len(tasks))
        futures = [self.pool.submit(start_together, barrier, seat, task) for seat, task in tasks]
        return [future.result(timeout=120) for future in futures]


def start_together(barrier: Barrier, seat: Seat, task: Task) -> list[str]:
    """Runs a task on a ledger that is open already when the others are ready too."""
    with closing(seated(seat)) as ledger:
        ledger.log.head()
        barrier.wait(WAIT_SECONDS)
        return task(ledger)


@pytest.fixture(scope="module")
def offices() -> Iterator[Offices]:
    """As many processes as are needed at once."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(AT_ONCE, mp_context=context) as pool:
        yield Offices(pool, manager)


# ---- What the processes do


def approving(batch_id: str, ledger: Ledger) -> list[str]:
    """Approves a batch."""
    outcome = approve(ledger, batch_id, payable).outcome
    return [outcome.reason or outcome.name]


def rejecting(batch_id: str, ledger: Ledger) -> list[str]:
    """Rejects a batch."""
    outcome = reject(ledger, batch_id, "no")
    return [outcome.reason or outcome.name]


def posting(adjustment_id: str, ledger: Ledger) -> list[str]:
    """Approves an adjustment."""
    return [outcome.reason or outcome.name for outcome in approve_adjustments(ledger, [adjustment_id])]


def preparing(batch_id: str, at_position: int, ledger: Ledger) -> list[str]:
    """Prepares a batch of what was computed before."""
    draft = Draft(payments=[("m00", 200, None)], left_out=0, at_position=at_position, digest=DIGEST)
    outcome = prepare(ledger, batch_command(batch_id), draft)
    return [outcome.reason or outcome.name]


def sending(batch_id: str, file: str, ledger: Ledger) -> list[str]:
    """Sends the first line."""
    outcome = send(ledger, batch_id, PaymentFile(1, file, [1]), payable).outcome
    return [outcome.reason or outcome.name]


def settling(batch_id: str, ledger: Ledger) -> list[str]:
    """Records a whole settlement file, in an order of its own."""
    rows = [said(batch_id, no, "paid", 200, reference=f"{batch_id}/{no}") for no in range(1, len(MEMBERS) + 1)]
    rows = rows if ledger.actor in {"clerk", "finance"} else rows[::-1]
    return [outcome.reason or outcome.name for row in rows for outcome in settle_payouts(ledger, [row])]


# ---- What comes of it


def test_two_approvers_at_once_reserve_once(people: Desk, offices: Offices) -> None:
    """One approves, the other is told that it is approved; the money is reserved once."""
    seats = people.seats()
    for number in range(ROUNDS):
        batch_id = f"b{number}"
        people.fund({"m00": 200})
        people.prepare(batch_id, {"m00": 200})
        task = partial(approving, batch_id)
        answers = offices.run((seats["chief"], task), (seats["other"], task))
        assert Counter(answer for (answer,) in answers) == {"recorded": 1, "approved": 1}
    assert Counter(topic for topic, _, _ in people.facts())["PayoutBatchApproved"] == ROUNDS


def test_approving_and_rejecting_at_once_is_one_of_them(people: Desk, offices: Offices) -> None:
    """Whoever comes second is told what it is by now."""
    seats = people.seats()
    for number in range(ROUNDS):
        batch_id = f"b{number}"
        people.fund({"m00": 200})
        people.prepare(batch_id, {"m00": 200})
        chief, clerk = partial(approving, batch_id), partial(rejecting, batch_id)
        answers = offices.run((seats["chief"], chief), (seats["clerk"], clerk))
        assert answers in ([["recorded"], ["approved"]], [["rejected"], ["recorded"]])


def test_a_debit_beside_an_approval_is_counted_if_it_came_first(people: Desk, offices: Offices) -> None:
    """The line is dropped, or else reserved before the debit: by position, never half of it."""
    seats = people.seats()
    for number in range(ROUNDS):
        batch_id, debit = f"b{number}", f"debit{number}"
        people.fund({"m00": 200})
        people.prepare(batch_id, {"m00": 200})
        submit(people.clerk, adjustment(debit, "m00", -1, "2026-02-01T00:00:00Z"))
        (approved,), (posted,) = offices.run(
            (seats["chief"], partial(approving, batch_id)), (seats["other"], partial(posting, debit))
        )
        assert posted == "recorded"
        facts = [stream for topic, stream, _ in people.facts() if topic in {"AdjustmentPosted", "PayoutBatchApproved"}]
        in_order = [stream for stream in facts if stream in {f"batch-{batch_id}", f"adjustment-{debit}"}]
        assert approved == ("recorded" if in_order[0] == f"batch-{batch_id}" else "nothing_left")
        # With the debit made good, the account is even again, or the batch is covered.
        people.fund({"m00": 1})
        if approved == "nothing_left":
            assert approving(batch_id, people.chief) == ["recorded"]


def test_two_batches_prepared_at_once_from_one_position(people: Desk, offices: Offices) -> None:
    """X-2: one of them has to be computed again."""
    seats = people.seats()
    people.fund({"m00": 200})
    for number in range(ROUNDS):
        position = people.clerk.log.head()
        answers = offices.run(
            *[(seats[who], partial(preparing, f"b{number}-{who}", position)) for who in ("clerk", "chief", "other")]
        )
        assert Counter(answer for (answer,) in answers) == {"recorded": 1, "newer_batch": 2}


def test_two_files_of_one_line_at_once(people: Desk, offices: Offices) -> None:
    """One goes out; the other must not."""
    seats = people.seats()
    for number in range(ROUNDS):
        batch_id = f"b{number}"
        people.reserved(batch_id, {"m00": 200})
        clerk, chief = partial(sending, batch_id, "a" * 64), partial(sending, batch_id, "b" * 64)
        answers = offices.run((seats["clerk"], clerk), (seats["chief"], chief))
        assert Counter(answer for (answer,) in answers) == {"recorded": 1, "other_file": 1}


def test_a_settlement_file_fed_by_three_at_once_counts_once(people: Desk, offices: Offices) -> None:
    """Every row is recorded by one of them and a repeat to the others; each payout is paid once."""
    seats = people.seats()
    people.reserved("b1", dict.fromkeys(MEMBERS, 200))
    people.send("b1", range(1, len(MEMBERS) + 1))
    answers = offices.run(*[(seats[who], partial(settling, "b1")) for who in ("clerk", "chief", "other")])
    counted = Counter(answer for each in answers for answer in each)
    assert counted == {"recorded": len(MEMBERS), "repeat": 2 * len(MEMBERS)}
    paid = [stream for topic, stream, _ in people.facts() if topic == "PayoutPaid"]
    assert len(paid) == len(set(paid)) == len(MEMBERS)
