"""What `replay` prints."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cli.balances import BALANCE_MONEY, balance_report
from cli.engines import Answer
from cli.output import Report, Section
from projections.figures import Replay, figures_document

OTHERWISE_SHOWN_MAX = 20

_MINOR = frozenset({"base_minor", "commission_minor", "clawback_minor", "refund_base_minor"})
_LEVEL = ("orders", "base_minor", "commission_minor", "clawback_minor", "refund_base_minor", "members")


def answer_report(found: Answer) -> Report:
    """A replay, with what else was asked for: members, and requests decided otherwise than recorded."""
    document = _document(found.replay)
    sections = _sections(found.replay, document)
    if found.members:
        balances = balance_report([*found.replay.balances])
        document["balances"] = balances.document
        shown = balances.sections[0]
        sections.insert(0, Section(shown.columns, shown.rows, shown.money, "balances of the members asked for"))
    if found.teams:
        document["teams"] = {member: [row._asdict() for row in team] for member, team in found.teams.items()}
        sections.insert(1, _teams(found))
    if found.otherwise is not None:
        changes = Counter((row.recorded, row.decided) for row in found.otherwise)
        rows = [
            {"recorded": recorded, "decided": decided, "requests": count}
            for (recorded, decided), count in sorted(changes.items())
        ]
        document["decided_otherwise"] = rows
        positions = [row._asdict() for row in found.otherwise]
        document["otherwise_examples"] = positions[:OTHERWISE_SHOWN_MAX]
        sections.insert(-1, Section(["recorded", "decided", "requests"], rows, title="requests decided otherwise"))
    return Report(sections, document)


def replay_report(found: Replay) -> Report:
    """A replay: totals, levels, outcomes, and what proves it."""
    return answer_report(Answer(found))


def _document(found: Replay) -> dict[str, Any]:
    return {
        "as_of": found.as_of,
        "at_position": found.at_position,
        "engine": found.engine,
        "events": found.events,
        "seconds": round(found.seconds, 3),
        "digest": found.digest,
        "content_root": found.content_root,
        **figures_document(found),
    }


def _teams(found: Answer) -> Section:
    counts = {member: Counter((row.direction, row.level) for row in team) for member, team in found.teams.items()}
    rows = [
        {
            "member": member,
            "upline": " ".join(row.name for row in found.teams[member] if row.direction == "up") or None,
            **{f"level_{level}": count["down", level] for level in (1, 2, 3)},
        }
        for member, count in counts.items()
    ]
    return Section(["member", "upline", "level_1", "level_2", "level_3"], rows, title="their teams")


def _sections(found: Replay, document: dict[str, Any]) -> list[Section]:
    totals = [{"currency": currency, **total} for currency, total in document["totals"].items()]
    levels = [
        {"currency": currency, "level": int(level), **row}
        for currency, by_level in document["levels"].items()
        for level, row in by_level.items()
    ]
    outcomes = [{"outcome": reason, "levels_of_orders": count} for reason, count in found.outcomes.items()]
    facts = [
        {"what": "as of", "value": found.as_of},
        {"what": "at position", "value": found.at_position},
        {"what": "events", "value": found.events},
        {"what": "digest", "value": found.digest},
        {"what": "content root", "value": found.content_root},
    ]
    return [
        Section(["currency", *BALANCE_MONEY, "members"], totals, frozenset(BALANCE_MONEY), title="balances in all"),
        Section(["currency", "level", *_LEVEL], levels, _MINOR, title="by level"),
        Section(["outcome", "levels_of_orders"], outcomes, title="outcomes"),
        Section(["what", "value"], facts, title="proof"),
    ]
