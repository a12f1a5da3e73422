"""Payment files at the command line: written, settled, reconciled; refused without a trace."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli_runner import Answer, Status, Tool, tables
from tests.finance_tools import Person
from tests.forger import Forger
from tests.payments import iban
from tests.payout_stages import EXPORT, PREPARE, People, nothing_recorded, payees, states

HEADER = "reference,status,amount,currency,provider_reference,at,reason"
AT = "2025-03-01T09:00:00Z"
FAILED = f"b1.2,failed,20.00,GBP,P2,{AT},account closed"
AGAIN = (*EXPORT[:-1], "again.csv", "--attempt", "2")
TO_A_BANK = ("payout", "export", "b1", "--format", "pain.001", "--payees", "payees.csv", "--debtor", "debtor.toml")

Stage = Callable[[str], People]


def settle(person: Person, *rows: str, options: tuple[str, ...] = (), status: Status = 0) -> Answer:
    """Feeds in what a provider says."""
    person.tool.write("provider.csv", [HEADER, *rows])
    return person("payout", "settle", "provider.csv", *options, status=status)


def available(tool: Tool, member: str) -> int:
    """What a member could be paid."""
    (row,) = tool.json("balance", member, "--currency", "GBP")
    return row["available"]


# ---- export


@pytest.mark.parametrize(
    ("command", "name", "kept"),
    [
        (EXPORT, "b1.csv", b"b1.2,20.00,GBP,Name ben,"),
        ((*TO_A_BANK, "-o", "b1.xml"), "b1.xml", b"<EndToEndId>b1.2</EndToEndId>"),
    ],
)
def test_the_same_command_gives_the_same_file(stage: Stage, command: tuple[str, ...], name: str, kept: bytes) -> None:
    """It records each payment once; a file that was lost comes again."""
    clerk, _ = stage("approved")
    file = clerk.tool.folder / name
    head = clerk.tool.head()
    first = clerk(*command)
    written = file.read_bytes()
    assert kept in written
    assert (clerk.tool.head(), file.stat().st_mode & 0o077) == (head + 3, 0)
    with nothing_recorded(clerk.tool):
        again = clerk(*command)
        assert f"{name} is there already: it stays if it is the same\n" in again.err
        assert first.err.strip() + ": the same file as before\n" in again.err
        file.unlink()
        assert "the same file as before" in clerk(*command).err
    assert file.read_bytes() == written
    assert states(clerk.tool) == dict.fromkeys(("ann", "ben", "cat"), "submitted")


@pytest.mark.parametrize("left", ["while writing", "before it is recorded", "before it has its name"])
def test_killed_in_between_it_goes_on(stage: Stage, payout_stages: dict[str, bytes], tmp_path: Path, left: str) -> None:
    """A file that has no name yet, of whatever was written by then: the same command makes it whole."""
    clerk, _ = stage("approved")
    file, unrecorded = clerk.tool.folder / "b1.csv", clerk.tool.folder / "b1.csv.unrecorded"
    head = clerk.tool.head()
    clerk(*EXPORT)
    written = file.read_bytes()
    file.rename(unrecorded)
    if left == "while writing":
        unrecorded.write_bytes(written[:50])
    if left != "before it has its name":
        (tmp_path / "ledger.db").write_bytes(payout_stages["approved"])
        assert clerk.tool.head() == head
    clerk(*EXPORT)
    assert (file.read_bytes(), unrecorded.exists(), clerk.tool.head()) == (written, False, head + 3)


@pytest.mark.parametrize(
    ("member", "account", "text"),
    [
        ("cat", iban(9), "cat: details changed since\n"),
        ("cat", None, "cat: details not in --payees\n"),
        ("cat", "GB00WEST00000000000003", "line 4: "),
    ],
)
def test_details_that_nobody_approved(stage: Stage, member: str, account: str | None, text: str) -> None:
    """Who is named; nothing is written, and nothing recorded."""
    clerk, _ = stage("approved")
    (clerk.tool.folder / "payees.csv").write_text(payees(**{member: account}))
    with nothing_recorded(clerk.tool):
        answer = clerk(*EXPORT, status=6)
    assert text in answer.err
    assert "ann: " not in answer.err


def test_somebody_whose_account_nobody_knows(stage: Stage) -> None:
    """The approval drops them, the others are paid, and they keep what they have."""
    clerk, chief = stage("funded")
    file = clerk.tool.folder / "payees.csv"
    file.write_text(payees(cat=None))
    assert "no details of 1 payee: the approval drops them" in clerk(*PREPARE, "--id", "b1").err
    assert "dropped: cat, 8.00 GBP: no_details\n" in chief("payout", "approve", "b1").err
    file.write_text(payees())
    assert "b1.csv: 2 payments, 30.00 GBP" in clerk(*EXPORT).err
    (row,) = clerk.tool.json("balance", "cat")
    assert (row["available"], row["reserved"]) == (800, 0)


def test_details_that_came_too_late(stage: Stage) -> None:
    """A batch that was prepared without any is not sent to accounts that its approval did not cover."""
    clerk, chief = stage("funded")
    clerk(*PREPARE[:-2], "--id", "b1")
    assert "no payment file can be made of batch b1" in chief("payout", "approve", "b1").err
    with nothing_recorded(clerk.tool):
        assert "cat: details not there when it was prepared\n" in clerk(*EXPORT, status=6).err


def test_payees_of_somebody_else(stage: Stage) -> None:
    """A file that has nobody of the batch is the wrong one."""
    clerk, _ = stage("funded")
    (clerk.tool.folder / "payees.csv").write_text(payees(ann=None, ben=None, cat=None, zoe=iban(4)))
    with nothing_recorded(clerk.tool):
        assert "has no details of anybody whom this batch pays" in clerk(*PREPARE, "--id", "b1", status=6).err


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        (EXPORT[:5] + EXPORT[7:], 2, "say where the payees' accounts are with --payees"),
        ((*TO_A_BANK[:-2], "-o", "b1.xml"), 2, "give --debtor"),
        ((*TO_A_BANK, "-o", "b1.xml", "--debtor", "nowhere.toml"), 2, "does not exist"),
        ((*TO_A_BANK, "-o", "b1.xml", "--debtor", "binary"), 6, "binary is not UTF-8"),
        ((*TO_A_BANK, "-o", "b1.xml", "--debtor", "payees.csv"), 6, "payees.csv: is no TOML"),
        ((*EXPORT, "--payees", "binary"), 6, "binary: line 1: byte 1 is not UTF-8"),
        ((*EXPORT, "--payees", "empty"), 6, "ann: details not in --payees"),
        ((*EXPORT, "--profile", "none"), 6, "there is no profile 'none'"),
        ((*EXPORT, "--profile", "debtor.toml"), 6, "debtor.toml: "),
        ((*EXPORT, "-o", "nowhere/b1.csv"), 2, "nowhere/b1.csv cannot be written: there is no folder nowhere"),
        ((*EXPORT, "-o", "empty/b1.csv"), 2, "empty/b1.csv cannot be written: there is no folder empty"),
        ((*EXPORT, "-o", "empty"), 6, "empty is another file: name a new one with -o"),
        ((*EXPORT, "--attempt", "2"), 6, "nothing of batch b1 can be sent in attempt 2"),
        ((*EXPORT, "--attempt", "0"), 2, "0 is not in the range"),
    ],
)
def test_files_that_cannot_be(stage: Stage, command: tuple[str, ...], status: int, text: str) -> None:
    """Refused before anything is written or recorded; what is there stays."""
    clerk, _ = stage("approved")
    (clerk.tool.folder / "binary").write_bytes(b"\xff\x00")
    (clerk.tool.folder / "empty").touch()
    with nothing_recorded(clerk.tool):
        assert text in clerk(*command, status=status).err
    assert (clerk.tool.folder / "empty").read_bytes() == b""


@pytest.mark.parametrize("decision", [None, "reject"])
def test_what_nobody_approved_is_not_sent(stage: Stage, decision: str | None) -> None:
    """A batch that waits, or was turned down."""
    clerk, chief = stage("prepared")
    if decision is not None:
        chief("payout", decision, "b1", "--reason", "wrong month")
    with nothing_recorded(clerk.tool):
        answer = clerk(*EXPORT, status=6)
    state = "rejected" if decision else "prepared"
    assert f"error: batch b1 is {state}: only what somebody else approved is sent\n" in answer.err


def test_an_attempt_has_one_file(stage: Stage) -> None:
    """Sent to a provider, it does not go to a bank as well: a conflict, payment by payment."""
    clerk, _ = stage("sent")
    with nothing_recorded(clerk.tool):
        answer = clerk(*TO_A_BANK, "-o", "b1.xml", status=5)
    assert [f"b1.{number}: other_file\n" in answer.err for number in (1, 2, 3)] == [True] * 3
    assert "error: other_file: that attempt went out in another file\n" in answer.err


def test_what_failed_is_sent_again(stage: Stage) -> None:
    """In a file of a second attempt; who fails later than that waits for the next batch, and nobody is sent twice."""
    clerk, _ = stage("sent")
    settle(clerk, FAILED)
    assert "again.csv: 1 payment, 20.00 GBP" in clerk(*AGAIN).err
    written = (clerk.tool.folder / "again.csv").read_bytes()
    assert [row["payout"] for row in csv.DictReader(written.decode().splitlines())] == ["b1.2"]
    settle(clerk, f"b1.3,failed,8.00,GBP,P3,{AT},account closed")
    with nothing_recorded(clerk.tool):
        answer = clerk(*AGAIN)
        other = clerk(*AGAIN, "-o", "other.csv", status=6)
        assert "error: nothing of batch b1 can be sent in attempt 4" in clerk(*AGAIN, "--attempt", "4", status=6).err
    held_back = "held back: cat, 8.00 GBP: attempt 2 went out without it, the next batch pays it\n"
    assert held_back in answer.err
    assert "the same file as before\n" in answer.err
    assert held_back in other.err
    assert "attempt 2 of batch b1 went out already" in other.err
    assert (clerk.tool.folder / "again.csv").read_bytes() == written
    assert states(clerk.tool) == {"ann": "submitted", "ben": "submitted", "cat": "failed"}


def test_who_may_not_be_sent_again_is_held_back(stage: Stage) -> None:
    """A member who was frozen meanwhile, or whose account is another now: the next batch may pay them."""
    clerk, _ = stage("sent")
    settle(clerk, FAILED)
    (clerk.tool.folder / "payees.csv").write_text(payees(ben=iban(9)))
    with nothing_recorded(clerk.tool):
        assert "or leave it to the next batch, which pays what failed" in clerk(*AGAIN, status=6).err
    clerk("payout", "freeze", "ben", "--reason", "checked")
    with nothing_recorded(clerk.tool):
        answer = clerk(*AGAIN, status=6)
    assert "held back: ben, 20.00 GBP: frozen\n" in answer.err
    assert "error: nothing of batch b1 can be sent in attempt 2" in answer.err


# ---- settle


def test_what_became_of_payments(stage: Stage) -> None:
    """Paid, failed and unknown, then returned; the same file again records nothing; what came back is available."""
    clerk, _ = stage("sent")
    tool = clerk.tool
    rows = (f"b1.1,paid,10.00,GBP,P1,{AT},", FAILED, f"b1.3,unknown,8.00,GBP,P3,{AT},no answer")
    head = tool.head()
    found = settle(clerk, *rows, options=("--format", "json")).document
    assert [(row["status"], row["result"], row["total_minor"]) for row in found["payments"]] == [
        ("failed", "recorded", 2_000),
        ("paid", "recorded", 1_000),
        ("unknown", "recorded", 800),
    ]
    assert (found["not_recorded"], tool.head()) == ([], head + 3)
    assert states(tool) == {"ann": "paid", "ben": "failed", "cat": "unknown"}
    with nothing_recorded(tool):
        assert {row["result"] for row in settle(clerk, *rows).rows("tsv")} == {"repeat"}
    assert [available(tool, member) for member in ("ann", "ben", "cat")] == [0, 2_000, 0]
    settle(clerk, f"b1.1,returned,10.00,GBP,R1,{AT},recalled", f"b1.3,paid,8.00,GBP,P3,{AT},")
    assert states(tool) == {"ann": "returned", "ben": "failed", "cat": "paid"}
    assert [available(tool, member) for member in ("ann", "ben", "cat")] == [1_000, 2_000, 0]
    with nothing_recorded(tool):
        settle(clerk, *rows)


@pytest.mark.parametrize(
    ("row", "status", "result", "text"),
    [
        ("b1.9,paid,20.00,GBP,,,", 6, "unmatched", "no payment 'b1.9'"),
        ("b1.2,paid,20.01,GBP,,,", 5, "contradicting", "b1.2 is 20.00 GBP, the line says 20.01 GBP"),
        ("b1.2,paid,20.00,EUR,,,", 5, "contradicting", "b1.2 is 20.00 GBP, the line says 20.00 EUR"),
        ("b1.1,failed,10.00,GBP,,,", 5, "contradicting", "line 2 says paid, line 3 failed"),
        ("b1.2,paid,20.00,GBP,P1,,", 5, "contradicting", "'P1' is there for more than one payout"),
        ("b1.2,returned,20.00,GBP,P2,,", 6, "refused", "b1.2: submitted: it was sent"),
        ("b1.2,paid,20.00,GBP,P2,2999-01-01T00:00:00Z,", 6, "invalid", "b1.2: in_the_future: "),
        ("b1.2,gone,20.00,GBP,,,", 6, "unreadable", "status: 'gone' means nothing here"),
        ("b1.2,paid,20,00,GBP,,", 6, "unreadable", "amount: "),
        ("b1.2,paid,20.00,GBP,P2,yesterday,", 6, "unreadable", "at: must be a time like "),
        (f"b1.2,failed,20.00,GBP,P2,,{'x' * 501}", 6, "unreadable", "reason: must be at most 500 characters"),
        (f"b1.2,failed,20.00,GBP,{'x' * 201},,", 6, "unreadable", "provider_reference: must be at most 200"),
        ("b1.2,failed,20.00,GBP,a\tb,,", 6, "unreadable", "none of them a control character"),
        ("b1.2,paid", 6, "unreadable", "has 2 fields, the header 7"),
        (b"b1.2,failed,20.00,GBP,,,\xff", 6, "unreadable", "is not UTF-8"),
    ],
)
def test_a_row_that_is_wrong(stage: Stage, row: str | bytes, status: int, result: str, text: str) -> None:
    """Listed with its line, also where the report has no room for it; the other rows are recorded all the same."""
    clerk, _ = stage("sent")
    clerk.tool.write("provider.csv", [HEADER, f"b1.1,paid,10.00,GBP,P1,{AT},", row])
    answer = clerk("payout", "settle", "provider.csv", status=status)
    said = answer.err.splitlines()[-2]
    assert said.startswith(f"provider.csv, line 3: {result}: ")
    assert text in said
    found = clerk.tool.json("payout", "settle", "provider.csv", status=status)["not_recorded"]
    assert [(line["line"], line["result"]) for line in found][-1] == (3, result)
    is_against_both = result == "contradicting" and not text.startswith("b1.2")
    assert len(found) == (2 if is_against_both else 1)
    assert states(clerk.tool)["ann"] == ("submitted" if is_against_both else "paid")
    assert states(clerk.tool)["ben"] == "submitted"


@pytest.mark.parametrize(
    ("row", "status", "reason"),
    [
        ("b1.1,paid,10.00,GBP,P9,,", 5, "conflict: b1.1: other_reference: "),
        ("b1.2,paid,20.00,GBP,P1,,", 5, "conflict: b1.2: reference_of_another: "),
        ("b1.1,failed,10.00,GBP,P1,,", 6, "refused: b1.1: paid: it is paid"),
    ],
)
def test_what_contradicts_the_books(stage: Stage, row: str, status: int, reason: str) -> None:
    """Another reference for the same payment, another's reference, another outcome: nothing is recorded."""
    clerk, _ = stage("sent")
    settle(clerk, f"b1.1,paid,10.00,GBP,P1,{AT},")
    clerk.tool.write("provider.csv", [HEADER, row])
    with nothing_recorded(clerk.tool):
        assert f"provider.csv, line 2: {reason}" in clerk("payout", "settle", "provider.csv", status=status).err


def test_what_is_said_twice_is_recorded_once(stage: Stage) -> None:
    """The second row is listed, and nothing is wrong with it."""
    clerk, _ = stage("sent")
    head = clerk.tool.head()
    found = settle(clerk, FAILED, FAILED, options=("--format", "json")).document
    assert clerk.tool.head() == head + 1
    assert [(row["line"], row["result"], row["message"]) for row in found["not_recorded"]] == [
        (3, "doubled", "b1.2: says again what line 2 says")
    ]


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"", 6, "provider.csv: there is no header"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 6, "provider.csv: line 1: byte 1 is not UTF-8"),
        (b"reference,status,currency\n", 6, "provider.csv: the header has no column 'amount'"),
        (b"reference,reference,status,amount,currency\n", 6, "the column 'reference' is there twice"),
        (f"{HEADER}\n".encode(), 0, ""),
    ],
)
def test_files_that_say_nothing(stage: Stage, content: bytes, status: int, text: str) -> None:
    """Empty, binary, without a column, or without a row: nothing is recorded."""
    clerk, _ = stage("sent")
    (clerk.tool.folder / "provider.csv").write_bytes(content)
    with nothing_recorded(clerk.tool):
        assert text in clerk("payout", "settle", "provider.csv", status=status).err


def test_only_some_batches_are_settled(stage: Stage) -> None:
    """Rows of others fit none; a batch named twice is the same batch."""
    clerk, _ = stage("sent")
    rows = (f"yen.1,paid,900,JPY,Y1,{AT},", f"b1.1,paid,10.00,GBP,P1,{AT},")
    answer = settle(clerk, *rows, options=("--batch", "yen", "--batch", "yen"), status=6)
    assert "line 3: unmatched: " in answer.err
    assert states(clerk.tool, "yen", "--only-payouts") == {"ann": "paid"}
    assert states(clerk.tool)["ann"] == "submitted"


def test_a_payment_that_was_never_sent(stage: Stage) -> None:
    """What a provider says of it is refused."""
    clerk, _ = stage("approved")
    clerk.tool.write("provider.csv", [HEADER, FAILED])
    with nothing_recorded(clerk.tool):
        answer = clerk("payout", "settle", "provider.csv", status=6)
    assert "line 2: refused: b1.2: reserved: it was not sent yet\n" in answer.err


def test_the_report_of_a_settlement_in_a_file(stage: Stage) -> None:
    """The error says where the rows are listed."""
    clerk, _ = stage("sent")
    answer = settle(clerk, "b1.9,paid,1.00,GBP,,,", options=("--format", "table", "-o", "report"), status=6)
    assert answer.err == "error: 1 row recorded nothing, see report\n"
    (listed,) = tables((clerk.tool.folder / "report").read_text())
    assert listed[2].split()[:2] == ["2", "unmatched"]


def test_many_rows_that_are_wrong(stage: Stage) -> None:
    """The first twenty are named beside TSV, and how many more there are."""
    clerk, _ = stage("sent")
    answer = settle(clerk, *(f"b9.{number},paid,1.00,GBP,,," for number in range(1, 23)), status=6)
    assert answer.err.count("unmatched") == 20
    assert "and 2 rows more: --format json has all of them\nerror: 22 rows recorded nothing, see above\n" in answer.err


# ---- reconcile


def test_what_is_open_and_for_how_long(stage: Stage) -> None:
    """Three sides that agree; payments that nobody answered for, by age."""
    clerk, _ = stage("sent")
    settle(clerk, f"b1.1,paid,10.00,GBP,P1,{AT},", FAILED, f"b1.3,unknown,8.00,GBP,P3,{AT},")
    found = clerk.tool.json("payout", "reconcile", "--as-of", "2025-03-06T09:00:00Z")
    b1, yen = found["batches"]
    assert list(b1.values()) == ["b1", "GBP", 3_800, 800, 1_000, 2_000, 0, 800, 1_000]
    assert list(yen.values()) == ["yen", "JPY", 900, 900, 0, 0, 0, 900, 0]
    assert [(row["currency"], row["state"], row["age"], row["total_minor"]) for row in found["ages"]] == [
        ("GBP", "unknown", "up to 7 d", 800),
        ("JPY", "submitted", "up to 1 d", 900),
    ]
    assert found["findings"] == []
    late = clerk.tool.json("payout", "reconcile", "--as-of", "2099-01-01T00:00:00Z")
    assert {row["age"] for row in late["ages"]} == {"older"}
    batches, ages = tables(clerk("payout", "reconcile", "--format", "table").out)
    assert batches[2].split() == ["b1", "GBP", "38.00", "8.00", "10.00", "20.00", "0.00", "8.00", "10.00"]
    assert len(ages) == 4


@pytest.mark.parametrize(
    ("damage", "subject"),
    [
        ("UPDATE payout SET state = 'paid' WHERE no = 2", "batch b1, ledger: has reserved 3800 instead of 1800"),
        ("UPDATE balance SET paid_minor = 7 WHERE member = 'ann'", "accounts in GBP: paid is 7 instead of 0"),
    ],
)
def test_sides_that_differ(stage: Stage, sqlite_url: str, damage: str, subject: str) -> None:
    """Status 3, and what differs: on standard error beside CSV, else in the report."""
    clerk, _ = stage("sent")
    clerk("worker", "run", "--once")
    clerk("payout", "reconcile")
    Forger(sqlite_url).run(damage)
    answer = clerk("payout", "reconcile", "--format", "csv", status=3)
    assert subject in answer.err
    assert "error: the sides disagree: " in answer.err
    found = clerk.tool.json("payout", "reconcile", status=3)["findings"]
    assert subject.partition(": ")[0] in {row["subject"] for row in found}
