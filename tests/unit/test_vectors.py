"""Published vectors of commission arithmetic."""

import json
from typing import Any

from ledger.clock import parse_instant
from ledger.commands import PublishPlan, command_from
from ledger.plan import PlanTerms
from ledger.rules.accrual import LevelOutcome, commission
from ledger.rules.refund import clawback
from ledger.rules.team import Binding, in_force
from tests.builders import data_file, plan


def test_commission_vectors() -> None:
    """Every vector of the published file gives its figure."""
    checks = {
        "percent_floor": _percent_floor,
        "levels_floor": _levels_floor,
        "refund_recompute_floor": _refund_recompute_floor,
        "balance_trace": _balance_trace,
        "elapsed_days": _elapsed_days,
        "ttl_boundary": _ttl_boundary,
    }
    vectors: list[dict[str, Any]] = json.loads(data_file("vectors", "commission.json").read_text())
    for vector in vectors:
        checks[vector["type"]](vector)
    assert len(vectors) == 22


def _terms(**terms: Any) -> PlanTerms:
    command = command_from(plan(1, **terms))
    assert isinstance(command, PublishPlan)
    return command.terms()


def _percent_floor(vector: dict[str, Any]) -> None:
    assert commission(vector["base"], vector["ppm"]) == vector["expect"], vector["id"]


def _levels_floor(vector: dict[str, Any]) -> None:
    assert [commission(vector["base"], ppm) for ppm in vector["ppm"]] == vector["expect"], vector["id"]


def _refund_recompute_floor(vector: dict[str, Any]) -> None:
    plan = _terms(rates_ppm=[vector["ppm"]], cap_ppm=1_000_000)
    earned = commission(vector["base"], vector["ppm"])
    levels = (LevelOutcome("paid", "ann", earned), LevelOutcome("chain_ended"), LevelOutcome("chain_ended"))
    taken: list[int] = []
    refunded = 0
    for amount in vector["refunds"]:
        one, two, three = clawback(
            paid_minor=vector["base"], refunded_before_minor=refunded, amount_minor=amount, levels=levels, plan=plan
        )
        assert (two, three) == (0, 0)
        taken.append(one)
        refunded += amount
    assert (taken, earned - sum(taken)) == (vector["expect_clawbacks"], vector["expect_left"]), vector["id"]


def _balance_trace(vector: dict[str, Any]) -> None:
    signs = {"earn": 1, "payout": -1, "refund_clawback": -1}
    available = 0
    trace: list[int] = []
    for kind, amount in vector["events"]:
        available += signs[kind] * amount
        trace.append(available)
    assert trace == vector["expect"], vector["id"]


def _elapsed_days(vector: dict[str, Any]) -> None:
    ends_at = _terms(binding={"ttl_days": vector["days"]}).binding.ends_at(parse_instant(vector["start"]))
    assert ends_at == parse_instant(vector["expect"]), vector["id"]


def _ttl_boundary(vector: dict[str, Any]) -> None:
    bound_at = parse_instant(vector["bound_at"])
    ends_at = _terms(binding={"ttl_days": vector["days"]}).binding.ends_at(bound_at)
    history = [Binding("bind-1", "ben", "ann", bound_at, ends_at, 1)]
    for probe, expected in zip(vector["probe"], vector["expect"], strict=True):
        holds = in_force(history, parse_instant(probe)) is not None
        assert holds == (expected == "bound"), vector["id"]
