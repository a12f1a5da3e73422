"""Reversals, adjustments, payouts and what is payable, worked out by hand and posting by posting."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from projections.export.statements import statement
from projections.replay.answers import OrderLevel
from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from tests.naive_postings import Books, Posting
from tests.random_relations import DAYS, MEMBERS, random_relations
from tests.relations import DAY, Relations

HEAD = 2_000


def ask(relations: Relations, *, day: int, position: int = HEAD, chunk: int = 20_000, joined: int = 16) -> Question:
    """Ask at the first instant of a day."""
    engine = Duck(relations.connection())
    return Question(engine, as_of_us=day * DAY, at_position=position, chunk_positions=chunk, facts_joined=joined)


def naive(relations: Relations, question: Question, position: int = HEAD) -> Books:
    """The postings, given who is on which level of every order."""
    levels: dict[int, list[OrderLevel]] = {}
    for row in question.order_levels():
        levels.setdefault(row.order_position, []).append(row)
    paid = {
        order: [
            (row.beneficiary, row.commission_minor) if row.beneficiary and row.reason == "paid" else None
            for row in rows
        ]
        for order, rows in levels.items()
    }
    return Books(relations, paid, position)


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_come_to_their_postings(seed: int) -> None:
    """Balances, and what is payable, at random (T, P); in chunks and at once, joined and climbed."""
    chosen = random.Random(seed)  # noqa: S311  # no secret
    relations = random_relations(chosen, events=700)
    relations.minimum(1)
    for _ in range(2):
        day, position = chosen.randrange(DAYS + 5), chosen.choice((HEAD, chosen.randrange(1, HEAD)))
        ways = {"chunk": chosen.choice((20_000, 700)), "joined": chosen.choice((16, 1))}
        everything = naive(relations, ask(relations, day=10 * DAYS, position=position), position)
        question = ask(relations, day=day, position=position, **ways)
        found = {row[:2]: row[2:] for row in question.balances()}
        assert found == everything.balances(day * DAY)
        assert sum(everything.accounts(day * DAY).values()) == 0
        for currency in ("GBP", "USD", "EUR"):
            payable = question.payable(currency)
            if payable.minimum_minor is None:
                continue
            amounts = {row.member: row.amount_minor for row in payable.lines}
            amounts |= {row.member: row.payable_minor for row in payable.left_out}
            for member, amount in amounts.items():
                assert amount == everything.payable(day * DAY, member, currency)
            for number in range(MEMBERS):
                expected = everything.payable(day * DAY, f"m{number}", currency)
                assert amounts.get(f"m{number}", 0) == expected or expected < 0
                assert expected <= available_later(everything, day * DAY, f"m{number}", currency)


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_give_their_postings(seed: int) -> None:
    """Every posting by T, in the order in which a bundle has them, and what an outcome says of refunds."""
    chosen = random.Random(100 + seed)  # noqa: S311  # no secret
    relations = random_relations(chosen, events=700)
    everything = naive(relations, ask(relations, day=10 * DAYS))
    for day in (DAYS // 2, 2 * DAYS):
        connection = relations.connection()
        connection.execute("ALTER TABLE order_fact ADD COLUMN stream VARCHAR")
        connection.execute("UPDATE order_fact SET stream = concat('order-', position)")
        connection.execute("SET TimeZone = 'UTC'")
        question = Question(Duck(connection), as_of_us=day * DAY, at_position=HEAD, chunk_positions=700)
        question.tabulate()
        micros = "SELECT * REPLACE (epoch_us(value_at) AS value_at)"
        rows = connection.execute(f"{micros} FROM ({statement('postings')})").fetchall()
        expected = [posting for posting in everything.postings if posting.value_at_us <= day * DAY]
        assert [tuple(row) for row in rows] == [tuple(posting) for posting in sorted(expected, key=in_order)]
        assert {row.kind for row in expected} >= {"clawback", "maturity", "restoration", "reservation"}
        assert {row[:2]: row[2:] for row in question.balances()} == everything.balances(day * DAY)
        kept = connection.execute("SELECT position, commission_1 - clawback_1 FROM order_outcome").fetchall()
        assert {row[0]: row[1] for row in kept if row[1]} == kept_by(expected, level=1)
        refunded = connection.execute("SELECT position, refunded_minor FROM order_outcome").fetchall()
        assert {row[0]: row[1] for row in refunded if row[1]} == refunded_by(relations, day)


@pytest.mark.parametrize("seed", range(4))
def test_random_attempts_are_covered_or_not(seed: int) -> None:
    """Every further attempt is held against what was payable at its cut-off right before it (X-4)."""
    relations = random_relations(random.Random(200 + seed), events=900)  # noqa: S311  # no secret
    question = ask(relations, day=100 * DAYS, chunk=700)
    found = {row[0]: row[3:] for row in question.uncovered_claims()}
    batches: dict[Any, Any] = {row[2]: row for row in relations.rows["batch_fact"] if row[1] == "prepared"}
    payouts: list[Any] = relations.rows["payout_fact"]
    claims = [row for row in payouts if row[1] == "submitted" and row[5] > 1]
    levels = ask(relations, day=100 * DAYS)
    expected: dict[int, tuple[int, int]] = {}
    for position, _, _, batch, _, _, member, currency, amount, *_ in claims:
        books = naive(relations, levels, position - 1)
        payable = books.payable(batches[batch][6], str(relations.names[member - 1]), currency)
        if payable < amount:
            expected[position] = amount, payable
    assert found == expected
    assert claims


def available_later(books: Books, as_of_us: int, member: str, currency: str) -> int:
    """What is available to a member at the cut-off or, if later, at the last release: X-1's "available now"."""
    releases = [posting.value_at_us for posting in books.postings if posting.kind in {"release", "return"}]
    return books.accounts(max([as_of_us, *releases]))[f"member:{member}:available", currency]


def kept_by(postings: Sequence[Posting], *, level: int) -> dict[int, int]:
    """What the level of each order keeps, by the order's position."""
    signs = {"accrual": 1, "clawback": -1, "restoration": 1}
    kept: Counter[int] = Counter()
    for posting in postings:
        if posting.level == level:
            kept[int(posting.order.removeprefix("order-"))] += signs.get(posting.kind, 0) * posting.amount
    return {order: minor for order, minor in kept.items() if minor}


def refunded_by(relations: Relations, day: int) -> dict[int, int]:
    """What is refunded of each order by a day and not reversed by then."""
    refunds: dict[Any, Any] = {row[0]: row for row in relations.rows["refund_fact"]}
    refunded: Counter[int] = Counter()
    for _, at_us, order, amount in refunds.values():
        refunded[order] += amount * (at_us <= day * DAY)
    reversals: list[Any] = relations.rows["reversal_fact"]
    for _, at_us, refund, _ in reversals:
        _, _, order, amount = refunds[refund]
        refunded[order] -= amount * (at_us <= day * DAY)
    return {order: minor for order, minor in refunded.items() if minor}


def in_order(posting: Posting) -> tuple[int, ...]:
    """Where a posting stands in the table."""
    sequence = KINDS.index(posting.kind)
    order = int(posting.order.removeprefix("order-")) if sequence < KINDS.index("adjustment") else posting.position
    number = int(posting.order.rpartition(".")[2]) if posting.order.startswith("payout") else 0
    return order, sequence, posting.position, posting.level or 0, number


KINDS = (
    "accrual",
    "clawback",
    "maturity",
    "restoration",
    "adjustment",
    "reservation",
    "payment",
    "release",
    "return",
)
