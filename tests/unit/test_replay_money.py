"""Reversals, adjustments, payouts and what is payable, worked out by hand and posting by posting."""

from __future__ import annotations

import random

import pytest

from projections.replay.answers import OrderLevel
from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from tests.naive_postings import Books
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
    for _ in range(3):
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
