"""A payout batch as far as somebody brought it at the command line, and the files that finance has at hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.builders import adjustment, bind, order, plan
from tests.cli_runner import Tool, desk
from tests.finance_tools import Person
from tests.payments import DEBTOR, iban

CUT_OFF = "2025-02-01T00:00:00Z"
AT = "2025-01-05T00:00:00Z"
PAYEES = {"ann": iban(1), "ben": iban(2), "cat": iban(3)}
PREPARE = ("payout", "prepare", "--currency", "GBP", "--cut-off", CUT_OFF, "--payees", "payees.csv")
YEN = ("payout", "prepare", "--currency", "JPY", "--cut-off", CUT_OFF, "--payees", "payees.csv")
EXPORT = ("payout", "export", "b1", "--format", "csv", "--payees", "payees.csv", "-o", "b1.csv")

People = tuple[Person, Person]


def fund(people: People) -> None:
    """In pounds 10 for ann, 20 for ben by an order, 8 for cat are payable; the others have reasons why not."""
    clerk, chief = people
    money = {"ann": 1_000, "cat": 800, "dan": 700, "eve": -20, "fay": 300}
    clerk.tool.feed(
        plan(min_payout={"GBP": 500, "JPY": 100}, hold_days=7),
        bind("i1", "ivy", "ben", "2024-12-01T00:00:00Z"),
        bind("i2", "hal", "gus", "2024-12-01T00:00:00Z"),
        order("o1", "ivy", 20_000, "2024-12-05T00:00:00Z"),
        order("o2", "hal", 1_000, "2025-01-31T00:00:00Z"),
    )
    # Files say who proposed as the command does.
    lines = [adjustment(f"a-{member}", member, amount, AT) for member, amount in money.items()]
    clerk("ingest", clerk.tool.write("money.jsonl", [*lines, adjustment("a-yen", "ann", 900, AT, currency="JPY")]))
    chief("adjustment", "approve", "--all")
    clerk("payout", "freeze", "dan", "--reason", "checked")


def write_files(tool: Tool) -> None:
    """The payees' accounts, and who pays."""
    (tool.folder / "payees.csv").write_text(payees())
    (tool.folder / "debtor.toml").write_text(DEBTOR)


def payees(**changed: str | None) -> str:
    """The file of payees, with other accounts for some, or none."""
    accounts = {member: account for member, account in (PAYEES | changed).items() if account is not None}
    return "member,name,iban\n" + "".join(f"{member},Name {member},{iban}\n" for member, iban in accounts.items())


def make_stages(folder: Path, template: bytes) -> dict[str, bytes]:
    """SQLite stores: `funded`, `prepared`, `approved`, and `sent` with a batch of yen beside it."""
    path = folder / "ledger.db"
    path.write_bytes(template)
    tool = desk(f"sqlite:///{path}", folder)
    write_files(tool)
    clerk, chief = people = (Person(tool, "clerk"), Person(tool, "chief"))
    fund(people)
    stages = {"funded": _bytes(path)}
    clerk(*PREPARE, "--id", "b1")
    stages["prepared"] = _bytes(path)
    chief("payout", "approve", "b1")
    stages["approved"] = _bytes(path)
    clerk(*EXPORT)
    clerk(*YEN, "--id", "yen")
    chief("payout", "approve", "yen")
    clerk("payout", "export", "yen", "--format", "csv", "--payees", "payees.csv", "-o", "yen.csv")
    stages["sent"] = _bytes(path)
    return stages


@contextmanager
def nothing_recorded(tool: Tool) -> Generator[None]:
    """The log ends where it did, and the folder has the files that it had."""
    before = (tool.head(), sorted(tool.folder.iterdir()))
    yield
    assert (tool.head(), sorted(tool.folder.iterdir())) == before


def states(tool: Tool, *arguments: str) -> dict[str, str]:
    """How far each payout is."""
    rows = tool("payout", "show", *(arguments or ("b1", "--only-payouts")), "--format", "csv").rows("csv")
    return {row["member"]: row["state"] for row in rows}


def _bytes(path: Path) -> bytes:
    """A whole store, also of what is not yet in its main file."""
    with closing(sqlite3.connect(path)) as store:
        return store.serialize()
