"""Payout batches at the command line: prepared by one, approved by another, shown, listed, computed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import refund
from tests.cli_runner import Tool, is_aligned, tables
from tests.finance_tools import two_people
from tests.forger import Forger
from tests.payout_stages import EXPORT, PREPARE, YEN, People, fund, nothing_recorded, states, write_files

pytestmark = pytest.mark.long_on_postgres

REASONS = {"dan": "frozen", "eve": "debt", "fay": "below_minimum", "gus": "on_hold"}
LINES = {"ann": 1_000, "ben": 2_000, "cat": 800}

Stage = Callable[[str], People]


@pytest.fixture
def everywhere(store_url: str, tmp_path: Path) -> Iterator[People]:
    """A clerk and a chief with money to pay out, on each engine."""
    with two_people(store_url, tmp_path) as both:
        write_files(both[0].tool)
        fund(both)
        yield both


def proposed(tool: Tool) -> dict[str, Any]:
    """What would be prepared."""
    return tool.json(*PREPARE, "--dry-run")


def last_event(tool: Tool) -> dict[str, Any]:
    """The last event of the log, as it is stored."""
    with tool.ledger() as ledger:
        *_, row = ledger.log.read()
    return json.loads(row.state)


def test_the_whole_life(everywhere: People) -> None:
    """Each step once, and again a repeat that records nothing; nobody approves what is their own."""
    clerk, chief = everywhere
    assert "3 payouts, 38.00 GBP in all; somebody else approves it" in chief(*PREPARE, "--id", "own").err
    with nothing_recorded(clerk.tool):
        assert "error: same_actor: " in chief("payout", "approve", "own", status=6).err
    assert "batch own is rejected\n" in clerk("payout", "reject", "own", "--reason", "the chief's").err
    answer = "reference,status,amount,currency,provider_reference\nb1.1,paid,10.00,GBP,P1\n"
    (clerk.tool.folder / "provider.csv").write_text(answer)
    steps = [
        (clerk, (*PREPARE, "--id", "b1"), "batch b1 is prepared: 3 payouts, 38.00 GBP", "batch b1 is prepared already"),
        (chief, ("payout", "approve", "b1"), "b1 is approved: 3 payouts, 38.00 GBP reserved", "b1 is approved already"),
        (clerk, EXPORT, "b1.csv: 3 payments, 38.00 GBP, SHA-256", ": the same file as before"),
    ]
    for who, step, done, again in steps:
        assert done in who(*step).err
        with nothing_recorded(who.tool):
            assert again in who(*step).err
    for result in ("recorded", "repeat"):
        assert clerk("payout", "settle", "provider.csv").rows("tsv")[0]["result"] == result
    assert states(clerk.tool) == {"ann": "paid", "ben": "submitted", "cat": "submitted"}
    (row,) = clerk.tool.json("balance", "ann", "--currency", "GBP")
    assert (row["available"], row["reserved"], row["paid"]) == (0, 0, 1_000)
    clerk("payout", "reconcile")
    assert "comes out the same, by both: 3 payouts" in clerk("payout", "replay", "b1").err


def test_who_prepared_may_not_approve_under_another_right(everywhere: People) -> None:
    """Whoever prepared it is refused on SQLite as the same actor, on PostgreSQL already as no approver."""
    clerk, _ = everywhere
    clerk(*PREPARE, "--id", "b1")
    reason = "same_actor" if clerk.tool.url.startswith("sqlite") else "GRANT refledger_approver"
    with nothing_recorded(clerk.tool):
        assert reason in clerk("payout", "approve", "b1", status=6).err


# ---- prepare


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        ("--cut-off 2999-01-01T00:00:00Z", 6, "2999-01-01T00:00:00.000000Z is in the future"),
        ("--cut-off 2999-01-01T00:00:00Z --dry-run", 6, "is in the future"),
        ("--cut-off 2009-01-01T00:00:00Z", 6, "no plan was in force at 2009"),
        ("--cut-off 2024-01-01T00:00:00Z", 6, "nothing_to_pay: nobody's payable balance reaches the minimum"),
        ("--cut-off 2025-02-01", 2, "in which zone with --tz"),
        ("--currency EUR", 6, "plan 1 has no min_payout of EUR"),
        ("--currency XXQ", 2, "ISO 4217"),
        (f"--id {'x' * 120}", 2, "at most 119 bytes"),
        ("--id e\u0301", 2, "NFC"),
        ("--payees nowhere.csv", 2, "does not exist"),
        ("--payees debtor.toml", 6, "debtor.toml: there is no field"),
        ("--archive nowhere", 4, "nowhere"),
    ],
)
def test_batches_that_are_none(stage: Stage, options: str, status: int, text: str) -> None:
    """Refused with the reason, and nothing is recorded."""
    clerk, _ = stage("funded")
    with nothing_recorded(clerk.tool):
        assert text in clerk(*PREPARE, "--id", "b1", *options.split(), status=status).err
    assert clerk.tool.json("payout", "list") == []


def test_a_dry_run_says_what_is_prepared_then(stage: Stage) -> None:
    """Whom it pays and whom not, with the reason; it records nothing."""
    clerk, _ = stage("funded")
    with nothing_recorded(clerk.tool):
        found = proposed(clerk.tool)
    assert {line["member"]: line["amount_minor"] for line in found["lines"]} == LINES
    assert {row["member"]: row["reason"] for row in found["left_out"]} == REASONS
    clerk(*PREPARE, "--id", "b1")
    (batch,) = clerk.tool.json("payout", "list")
    assert [batch[key] for key in ("digest", "total_minor", "left_out")] == [found["digest"], 3_800, 4]


def test_what_is_reserved_is_not_paid_twice(stage: Stage) -> None:
    """Who waits for a payment is left out for that reason."""
    clerk, _ = stage("approved")
    found = clerk.tool.json("payout", "prepare", "--currency", "GBP", "--dry-run")
    assert found["lines"] == []
    reasons = {**REASONS, "gus": "below_minimum", **dict.fromkeys(LINES, "reserved")}
    assert {row["member"]: row["reason"] for row in found["left_out"]} == reasons


@pytest.mark.parametrize(("command", "differs"), [(YEN, "currency"), (PREPARE, "cut_off")])
def test_another_batch_of_that_id_is_a_conflict(stage: Stage, command: tuple[str, ...], differs: str) -> None:
    """Also without --cut-off, which is another one each time."""
    clerk, _ = stage("prepared")
    command = (*command, "--cut-off", "now") if differs == "cut_off" else command
    with nothing_recorded(clerk.tool):
        answer = clerk(*command, "--id", "b1", status=5)
    assert f"error: other_content: batch 'b1' is recorded with another {differs}" in answer.err


@pytest.mark.parametrize(
    ("options", "text"),
    [((), "without --payees no payment file can be made"), (("--payees", "payees.csv"), "has no details of 1 payee:")],
)
def test_who_cannot_be_sent_anything_is_said_at_once(stage: Stage, options: tuple[str, ...], text: str) -> None:
    """Before anybody approves it."""
    clerk, _ = stage("funded")
    file = clerk.tool.folder / "payees.csv"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "cat," not in line))
    assert text in clerk(*PREPARE[:-2], "--id", "b1", *options).err


def test_sides_that_disagree_prepare_nothing(stage: Stage, sqlite_url: str) -> None:
    """Live tables that somebody changed: status 3, and who comes out otherwise."""
    clerk, _ = stage("funded")
    clerk("worker", "run", "--once")
    Forger(sqlite_url).run("UPDATE balance SET adjusted_minor = adjusted_minor + 1 WHERE member = 'ann'")
    with nothing_recorded(clerk.tool):
        assert "by the live tables" in clerk(*PREPARE, "--id", "b1", status=3).err


# ---- show, list, replay


def test_a_batch_is_shown(stage: Stage) -> None:
    """Its facts, its payouts and who is left out; of one member; without computing; as cells."""
    clerk, _ = stage("prepared")
    tool = clerk.tool
    shown = tool.json("payout", "show", "b1")
    assert (shown["state"], shown["total_minor"], shown["prepared_by"]) == ("prepared", 3_800, "clerk")
    assert {row["member"]: row["amount_minor"] for row in shown["payouts"]} == LINES
    assert {row["member"]: row["reason"] for row in shown["left_out_members"]} == REASONS
    assert [row["pending_minor"] for row in shown["left_out_members"]] == [0, 0, 0, 100]
    only = tool.json("payout", "show", "b1", "--only-payouts")
    assert only == {**shown, "left_out_members": []}
    gus = tool.json("payout", "show", "b1", "--member", "gus")
    assert (gus["payouts"], [row["reason"] for row in gus["left_out_members"]]) == ([], ["on_hold"])
    assert states(tool, "--member", "cat") == {"cat": "prepared"}
    batch, payouts, left_out = tables(tool("payout", "show", "b1", "--format", "table").out)
    assert all(map(is_aligned, (batch, payouts, left_out)))
    assert payouts[3].split()[:4] == ["b1.2", "ben", "GBP", "20.00"]
    assert left_out[3].split() == ["eve", "GBP", "debt", "-0.20", "0.00", "-0.20", "0.00"]


def test_an_archive_shows_and_computes_the_same(stage: Stage) -> None:
    """What is sealed is read from it: `show`, `replay` and a repeated `prepare`."""
    clerk, _ = stage("prepared")
    tool = clerk.tool
    tool("archive", "seal", "sealed")
    assert tool.json("payout", "show", "b1", "--archive", "sealed") == tool.json("payout", "show", "b1")
    (batch,) = tool.json("payout", "list")
    answer = tool("payout", "replay", "b1", "--archive", "sealed")
    assert answer.out == f"{batch['lines_hash']}  b1\n"
    assert "prepared already" in clerk(*PREPARE, "--id", "b1", "--archive", "sealed").err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("show",), 2),
        (("show", "b9"), 4),
        (("show", "b1", "--at-position", "3"), 4),
        (("replay", "b9"), 4),
        (("approve", "b9"), 4),
        (("reject", "b9", "--reason", "none"), 4),
        ((*EXPORT[1:2], "b9", *EXPORT[3:]), 4),
        (("settle", "payees.csv", "--batch", "b9"), 4),
    ],
)
def test_batches_that_are_not_there(stage: Stage, arguments: tuple[str, ...], status: int) -> None:
    """Named; nothing is recorded."""
    clerk, _ = stage("prepared")
    with nothing_recorded(clerk.tool):
        error = clerk("payout", *arguments, status=status).err
    assert ("name a batch" if status == 2 else "b1" if "b1" in arguments else "b9") in error


def test_changed_details_are_marked(stage: Stage) -> None:
    """Who was paid to another account the last time."""
    clerk, chief = stage("sent")
    paid = ["reference,status,amount,currency", "b1.1,paid,10.00,GBP", "b1.3,paid,8.00,GBP"]
    clerk("payout", "settle", clerk.tool.write("paid.csv", paid))
    for member in ("ann", "cat"):
        again = ("--member", member, "--currency", "GBP", "--amount", "600", "--reason", "more")
        clerk("adjustment", "propose", *again, "--at", "2025-01-06T00:00:00Z")
    chief("adjustment", "approve", "--all")
    clerk(*PREPARE, "--id", "b2")
    changed = clerk.tool.folder / "changed.csv"
    changed.write_text((clerk.tool.folder / "payees.csv").read_text().replace("Name cat", "Name Cat"))
    for file, note in (("payees.csv", None), ("changed.csv", "details changed since the last payment")):
        rows = clerk.tool.json("payout", "show", "b2", "--only-payouts", "--payees", file)["payouts"]
        assert {row["member"]: row["note"] for row in rows} == {"ann": None, "cat": note}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", "name a batch, or a member"),
        ("--member ann --only-payouts", "are about one batch: name it"),
        ("--member ann --payees payees.csv", "are about one batch: name it"),
    ],
)
def test_show_of_nothing_in_particular(stage: Stage, words: str, text: str) -> None:
    """Says what is missing; no option is passed over."""
    clerk, _ = stage("prepared")
    assert text in clerk("payout", "show", *words.split(), status=2).err


def test_batches_are_listed(stage: Stage) -> None:
    """The oldest first, or those of a currency, with what is open."""
    clerk, _ = stage("sent")
    batches = clerk.tool.json("payout", "list")
    assert [(row["batch"], row["state"], row["by_state"]) for row in batches] == [
        ("b1", "approved", {"submitted": {"payouts": 3, "total_minor": 3_800}}),
        ("yen", "approved", {"submitted": {"payouts": 1, "total_minor": 900}}),
    ]
    (table,) = tables(clerk("payout", "list", "--currency", "JPY", "--format", "table").out)
    assert [line.split()[-5:] for line in table[2:]] == [["1", "900", "900", "0", "clerk"]]


def test_a_batch_that_comes_out_otherwise(stage: Stage, sqlite_url: str) -> None:
    """Its recorded total is not what the events give: status 3."""
    clerk, _ = stage("prepared")
    clerk("worker", "run", "--once")
    Forger(sqlite_url).run("UPDATE payout_batch SET total_minor = total_minor + 1")
    assert "the total of batch b1 is recorded as 3801" in clerk("payout", "replay", "b1", status=3).err


# ---- approve, reject


def test_what_is_no_longer_covered_is_dropped(stage: Stage) -> None:
    """A refund and a freeze between prepare and approve: named, and the others are reserved."""
    clerk, chief = stage("prepared")
    clerk.tool.feed(refund("r1", "o1", 20_000, "2024-12-06T00:00:00Z"))
    clerk("payout", "freeze", "cat", "--reason", "checked")
    answer = chief("payout", "approve", "b1")
    assert "dropped: ben, 20.00 GBP: not_covered\ndropped: cat, 8.00 GBP: frozen\n" in answer.err
    assert "batch b1 is approved: 1 payout, 10.00 GBP reserved\n" in answer.err
    assert states(clerk.tool) == {"ann": "reserved", "ben": "dropped", "cat": "dropped"}


def test_a_batch_of_which_nothing_is_left(stage: Stage) -> None:
    """Every line is named, and nothing is recorded."""
    clerk, chief = stage("prepared")
    for member in LINES:
        clerk("payout", "freeze", member, "--reason", "checked")
    with nothing_recorded(clerk.tool):
        answer = chief("payout", "approve", "b1", status=6)
    assert answer.err.count("dropped: ") == 3
    assert "error: nothing_left: " in answer.err


def test_an_approval_is_signed(stage: Stage) -> None:
    """With a key of one's own; without one that can be read nothing is approved."""
    clerk, chief = stage("prepared")
    tool = clerk.tool
    with nothing_recorded(tool):
        assert (
            "there is no key file chief.key"
            in chief("payout", "approve", "b1", "--sign-key", "chief.key", status=4).err
        )
    vkey = tool("head", "keygen", "example.org/chief", "-o", "chief.key").out.strip()
    (tool.folder / "chief.key").chmod(0o644)
    with nothing_recorded(tool):
        assert "chmod 600" in chief("payout", "approve", "b1", "--sign-key", "chief.key", status=6).err
    (tool.folder / "chief.key").chmod(0o600)
    chief("payout", "approve", "b1", "--sign-key", "chief.key")
    assert last_event(tool)["data"]["signed"]["key"] == vkey


def test_a_rejection_is_final(stage: Stage) -> None:
    """By anybody, with a reason; again is a repeat, and approving is over."""
    clerk, chief = stage("prepared")
    with nothing_recorded(clerk.tool):
        for reason in ("", " ", "x" * 501):
            assert "is no reason" in clerk("payout", "reject", "b1", "--reason", reason, status=2).err
    assert "batch b1 is rejected\n" in clerk("payout", "reject", "b1", "--reason", "wrong month").err
    with nothing_recorded(clerk.tool):
        assert "batch b1 is rejected already\n" in clerk("payout", "reject", "b1", "--reason", "again").err
        assert "error: rejected: " in chief("payout", "reject", "b1", "--reason", "mine", status=6).err
        assert "error: rejected: " in chief("payout", "approve", "b1", status=6).err
    shown = clerk.tool.json("payout", "show", "b1", "--only-payouts")
    assert [shown[key] for key in ("state", "decided_by", "decided_reason")] == ["rejected", "clerk", "wrong month"]
    assert set(states(clerk.tool).values()) == {"rejected"}


def test_an_approval_is_final(stage: Stage) -> None:
    """What is reserved is not turned down."""
    clerk, chief = stage("approved")
    with nothing_recorded(clerk.tool):
        for person in (clerk, chief):
            assert "error: approved: " in person("payout", "reject", "b1", "--reason", "late", status=6).err


# ---- freeze, unfreeze


def test_a_member_is_frozen_for_a_while(stage: Stage) -> None:
    """They get nothing, and are named; every freeze keeps its reason; afterwards they are paid."""
    clerk, _ = stage("funded")
    assert "ann is frozen\n" in clerk("payout", "freeze", "ann", "--reason", "checked").err
    head = clerk.tool.head()
    clerk("payout", "freeze", "ann", "--reason", "checked twice")
    assert (clerk.tool.head(), last_event(clerk.tool)["data"]["asked"]["reason"]) == (head + 1, "checked twice")
    found = proposed(clerk.tool)
    assert {row["member"]: row["reason"] for row in found["left_out"]} == {**REASONS, "ann": "frozen"}
    for member in ("ann", "dan"):
        assert f"{member} is no longer frozen\n" in clerk("payout", "unfreeze", member, "--reason", "right").err
    assert {line["member"]: line["amount_minor"] for line in proposed(clerk.tool)["lines"]} == {**LINES, "dan": 700}


@pytest.mark.parametrize("command", ["freeze", "unfreeze"])
@pytest.mark.parametrize("wrong", [("ann", "--reason", " "), ("ann", "--reason", "x" * 501), ("ann",), ("a b",)])
def test_freezes_that_are_none(stage: Stage, command: str, wrong: tuple[str, ...]) -> None:
    """Without a reason, or of nobody."""
    clerk, _ = stage("funded")
    with nothing_recorded(clerk.tool):
        clerk("payout", command, *wrong, status=2)
