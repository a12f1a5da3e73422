"""The plans of a log, as the rules read them (P-1, P-3)."""

from __future__ import annotations

import json
from typing import Any

from ledger.clock import parse_instant
from ledger.plan import BindingTerms, Plans, PlanTerms
from projections.verify.facts import Published
from projections.verify.report import Report


def terms_of(record: dict[str, Any]) -> PlanTerms:
    """What a plan's record promises; the record has every key a stored one has."""
    binding = record["binding"]
    return PlanTerms(
        plan=record["plan"],
        effective_from=parse_instant(record["effective_from"]),
        rates_ppm=tuple(record["rates_ppm"]),
        binding=BindingTerms(
            policy=binding["policy"],
            protection_days=binding["protection_days"],
            renewal=binding["renewal"],
            ttl_days=binding["ttl_days"],
        ),
        hold_days=record["hold_days"],
        min_payout=record["min_payout"],
        rounding=record["rounding"],
        self_purchase=record["self_purchase"],
    )


class PublishedPlans:
    """Takes plans in order of position.

    plans   those that may be in force for what follows
    renews  whether bindings under any of them are renewed by orders (B-5)
    """

    def __init__(self, report: Report, check: str) -> None:
        self.plans = Plans()
        self.renews = False
        self._report, self._check = report, check
        self._ids: set[tuple[str, str]] = set()

    def take(self, fact: Published) -> None:
        """The next one; one that cannot follow those before it is found, and is not in force for anything (P-1)."""
        record = json.loads(fact.terms)
        terms, identity = terms_of(record), (fact.source, record["id"])
        if terms.plan != len(self.plans) + 1:
            self._find(fact, f"plan {terms.plan} comes where plan {len(self.plans) + 1} is the next (P-1)")
        elif len(self.plans) and terms.effective_from <= self.plans[terms.plan - 1].effective_from:
            self._find(fact, f"plan {terms.plan} does not take effect after the plan before it (P-1)")
        else:
            self.plans.add(terms)
            self.renews |= terms.binding.renewal == "on_order"
        if identity in self._ids:
            self._find(fact, f"the id {identity[1]!a} is that of an earlier plan (G-6)")
        self._ids.add(identity)

    def _find(self, fact: Published, message: str) -> None:
        self._report.find(self._check, message, fact.position)
