"""Clawbacks of orders with a reversed refund, stage by stage for all of them at once (R-2, R-4).

A refund takes a level down to what A-2 keeps after it, and nothing where less stands already; a reversal gives back
exactly what its refund took. So what a refund takes depends on the reversals before it: refunds between two reversals
are one statement, and the stages follow each other.
"""

from __future__ import annotations

from projections.replay.engine import Engine
from projections.replay.statements import statement


def restate(engine: Engine) -> None:
    """Make `reversed_move` of the chunk's orders with a reversal, from `order_row`: what was taken and given back."""
    for name in ("reversed_step", "reversed_level", "kept_step"):
        engine.define(name, statement(name), materialised=True)
    engine.define("standing", statement("standing_start"), materialised=True)
    ((last,),) = engine.rows(statement("last_stage"))
    parts: list[str] = []
    for stage in range((last or 0) + 1):
        engine.declare("stage", stage)
        parts.append(f"SELECT * FROM stage_clawback_{stage}")  # noqa: S608  # our own name
        engine.define(f"stage_clawback_{stage}", statement("stage_clawback"), materialised=True)
        engine.define("stage_clawback", parts[-1], materialised=False)
        engine.define("clawback", " UNION ALL ".join(parts), materialised=False)
        if stage != last:
            engine.define("standing", statement("standing"), materialised=True)
    engine.define("reversed_move", statement("reversed_move"), materialised=True)
