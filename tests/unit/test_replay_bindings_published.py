"""The second decider of bindings against the scenarios and an independent oracle of a real year."""

from __future__ import annotations

import csv
import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from projections.replay.bindings import Decider, Request
from tests.builders import data_file
from tests.replay_histories import Known, Recorder, at_us, terms
from tests.scenarios.parser import parse
from tests.scenarios.steps import ExpectDownline, ExpectUpline, Input

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.txt"))
DECIDED = {"bound", "recorded", "refused"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    """Binds and unbinds get the outcomes the scenario expects, and the facts that follow give its teams."""
    steps = parse(path)
    recorder = Recorder([step.record if isinstance(step, Input) and step.outcome in DECIDED else {} for step in steps])
    known = Known()
    for number, step in enumerate(steps):
        match step:
            case Input() if step.outcome in DECIDED and (request := recorder.request(number)):
                outcome, facts = recorder.decider.decide(request)
                if request.kind in {"bind", "unbind"}:
                    expected = step.reason or ("released" if request.kind == "unbind" else step.outcome)
                    assert outcome == expected, step.where
                known.learn(facts)
            case ExpectUpline():
                upline = known.upline(recorder.member(step.member), at_us(step.as_of))
                assert upline == [recorder.member(name) for name in step.members], step.where
            case ExpectDownline():
                downline = known.downline(recorder.member(step.member), at_us(step.as_of), step.level)
                assert downline == {recorder.member(name) for name in step.members}, step.where
            case _:
                pass


@cache
def _public_requests() -> tuple[list[Request], dict[int, str]]:
    """The public stream's invites and binds, and the ids of the binds by position."""
    with gzip.open(data_file("public", "public.jsonl.gz")) as lines:
        records = [json.loads(line) for line in lines]
    recorder = Recorder(records)
    requests = [request for number in range(len(records)) if (request := recorder.request(number))]
    return requests, {request.position: records[request.position // 2 - 1]["id"] for request in requests}


@pytest.mark.parametrize("policy", {"never": None, "30d": 30, "90d": 90, "180d": 180}.items(), ids=lambda item: item[0])
def test_public_stream_gives_the_oracles_outcomes(policy: tuple[str, int | None]) -> None:
    """A real vouching graph under four lives of a binding: each of 9,844 binds against an independent oracle."""
    name, days = policy
    requests, ids = _public_requests()
    with gzip.open(data_file("public", "bind_oracle.csv.gz"), "rt") as rows:
        expected = {row["bind"]: row[f"expiry_{name}"].replace("rebound", "bound") for row in csv.DictReader(rows)}
    decider = Decider([], instead=terms(ttl_days=days))
    outcomes = [(request, decider.decide(request)[0]) for request in requests]
    found = {ids[request.position]: outcome for request, outcome in outcomes if request.kind == "bind"}
    assert len(found) == 9_844
    assert found == expected
