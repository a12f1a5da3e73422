"""Bindings decided again inside a replay: requests out of the relations, the facts that follow back into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from duckdb import DuckDBPyConnection

from ledger.clock import DAY_US, to_micros
from ledger.garbage import collection_paused
from ledger.plan import PlanTerms
from projections.replay.arrow import arrow_columns, integers
from projections.replay.bindings import Decider, Difference, Fact, RequestRow, Terms
from projections.replay.statements import statement
from projections.runner import Progress

FACTS_AT_A_TIME = 200_000
REQUESTS_AT_A_TIME = 10_000

_KINDS = ("bound", "released", "renewed")
# Written for an end that there is not: Arrow columns made of integers alone are quicker.
_NO_END = -(1 << 63)


def terms_of(plan: PlanTerms) -> Terms:
    """A plan as the decider reads plans; its position is of no matter."""
    rates = [plan.rate_ppm(level) for level in (1, 2, 3)]
    binding = plan.binding
    return Terms(
        plan=plan.plan,
        position=0,
        effective_from_us=to_micros(plan.effective_from),
        rate_1_ppm=rates[0],
        rate_2_ppm=rates[1],
        rate_3_ppm=rates[2],
        rounding=plan.rounding,
        hold_us=plan.hold_days * DAY_US,
        self_purchase=plan.self_purchase,
        policy=binding.policy,
        protection_us=binding.protection_days * DAY_US,
        ttl_us=None if binding.ttl_days is None else binding.ttl_days * DAY_US,
        renewal=binding.renewal,
    )


def decide_again(
    duck: DuckDBPyConnection, instead: Terms | None = None, progress: Progress | None = None
) -> list[Difference]:
    """Puts facts decided anew in the place of `binding_fact`, and returns what was decided otherwise when recorded.

    On this connection `binding_fact` is then what was decided anew; `memory.main.binding_fact` stays what was recorded.

    Args:
        duck: with the relations of a log.
        instead: the one plan to decide with; None: the plans of the log.
        progress: called with the number of requests decided since the last call.
    """
    plans = [Terms(*row) for row in duck.execute("SELECT * FROM plan_term ORDER BY position").fetchall()]
    decider = Decider(plans, instead=instead)
    duck.execute(statement("load/table_decided_fact"))
    with collection_paused(), duck.cursor() as reading:
        facts = decider.facts(_requests(reading, renews=decider.renews, progress=progress))
        while batch := list(islice(facts, FACTS_AT_A_TIME)):
            _insert(duck, batch)
    duck.execute(statement("load/decided_binding"))
    return decider.differences


def _requests(duck: DuckDBPyConnection, *, renews: bool, progress: Progress | None) -> Iterator[RequestRow]:
    name = "requests_and_orders" if renews else "requests"
    found = duck.execute(statement(f"load/{name}"))
    while batch := found.fetchmany(REQUESTS_AT_A_TIME):
        yield from batch
        if progress is not None:
            progress(len(batch))


def _insert(duck: DuckDBPyConnection, facts: Sequence[Fact]) -> None:
    position, kind, bind, member, referrer, at_us, ends_at_us = zip(*facts, strict=True)
    columns: dict[str, Iterable[int]] = {
        "position": position,
        "kind": map(_KINDS.index, kind),
        "bind": bind,
        "member": member,
        "referrer": referrer,
        "at_us": at_us,
        "ends_at_us": [_NO_END if end is None else end for end in ends_at_us],
    }
    rows = arrow_columns({name: integers(list(values)) for name, values in columns.items()}, len(facts))
    duck.from_arrow(rows).insert_into("decided_fact")
