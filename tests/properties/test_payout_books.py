"""Payouts, adjustments, reversals: live tables, replay and naive books agree at any (T, P), on random histories."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest

from projections.balances import balances_at, digest
from projections.figures import totals_of
from projections.payable import payable
from projections.postings import every_posting
from projections.rebuild import beside
from projections.runner import Runner
from tests.builders import replayed
from tests.finance import Desk
from tests.naive_books import NaiveBooks
from tests.payout_histories import HALF_DAY, START, History


@pytest.mark.parametrize("seed", range(4))
def test_everything_agrees_at_random_positions(desk: Desk, store_url: str, seed: int) -> None:
    """x."""
    history = History(desk, seed)
    history.go(250)
    log = desk.clerk.log
    rows = list(log.read())
    naive = NaiveBooks(row.state for row in rows)
    position, head, chosen = 0, len(rows), history.random
    with closing(beside(store_url)) as room:
        room.make()
        runner = Runner(log, room.store, batch_size=7)
        while position < head:
            position = min(head, position + chosen.randint(1, 25))
            runner.catch_up(position)
            as_of = START + chosen.randint(0, 200) * HALF_DAY + timedelta(microseconds=chosen.choice((0, 0, -1)))
            with room.store.reading() as session:
                live = balances_at(session, as_of)
                paid = {c: {m: a for m, a in payable(session, c, as_of).items()} for c in ("GBP", "EUR")}
                single = {c: payable(session, c, as_of, ["ann", "ben", "zoë"]) for c in ("GBP", "EUR")}
            expected = naive.balances(as_of, position)
            found = {(b.member, b.currency): {k: getattr(b, k) for k in next(iter(expected.values()))} for b in live}
            assert found == expected, (as_of, position)
            assert digest(live) == naive.digest(as_of, position) == replayed(desk.clerk, as_of, position).digest
            for c in ("GBP", "EUR"):
                n = naive.payable(c, as_of, position)
                assert paid[c] == n, (as_of, position)
                assert single[c] == {m: n.get(m, 0) for m in ("ann", "ben", "zoë")}
            mine = [tuple(p) for p in every_posting(rows[:position])]
            theirs = naive.postings(position)
            assert [
                (p.order, p.kind, p.level, p.position, p.debit, p.credit, p.currency, p.amount_minor)
                for p in every_posting(rows[:position])
            ] == [(e.order, e.kind, e.level, e.position, e.debit, e.credit, e.currency, e.amount) for e in theirs]
        room.drop()
