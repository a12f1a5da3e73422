"""The lines of a payout batch, worked out from the events alone (X-1)."""

from __future__ import annotations

from ledger.canonical import quoted
from projections.replay.answers import LeftOut, Payable, PayableLine
from projections.replay.engine import Engine
from projections.replay.statements import statement


def judge(engine: Engine) -> None:
    """Make `payable` and `frozen` of (T, P) and the currency with the number `asked_currency()`.

    From `member_total`, `late_sum` and `account_move`.
    """
    for name in ("frozen", "payable"):
        engine.define(name, statement(name), materialised=True)


def lines_and_left_out(engine: Engine, currency: str) -> Payable:
    """What a batch of the currency pays that was judged, and whom it leaves out."""
    minimums = list(engine.rows(statement("minimum")))
    plan = minimums[0][0] if minimums else None
    minimum_minor = {code: amount for _, code, amount in minimums}.get(currency)
    if minimum_minor is None:
        return Payable(plan, None, [], [])
    engine.declare("minimum_minor", minimum_minor)
    lines = list(map(PayableLine._make, engine.rows(statement("payable_line"))))
    left_out = list(map(LeftOut._make, engine.rows(statement("left_out"))))
    return Payable(plan, minimum_minor, lines, left_out)


def line_of(number: int, member: str, amount_minor: int, details: str | None = None) -> str:
    """Canonical JSON of one line: a leaf of the hash over all of them (X-1).

    Args:
        number: 1, 2, ... in the order of the members' bytes.
        member: who is paid.
        amount_minor: how much.
        details: salted hash of the payee's, 64 hex digits; None: there is none.
    """
    known = "" if details is None else f'"details":"{details}",'
    return f'{{"amount":{amount_minor},{known}"member":{quoted(member)},"no":{number}}}'
