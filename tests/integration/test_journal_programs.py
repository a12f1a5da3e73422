"""Journals in the programs they are for: read without a word, with the balances of the postings.

`apt-get install ledger hledger`; `pip install beancount beanquery` in an environment of its own, with its programs in
the PATH: its licence (GPL-2.0) keeps it out of ours, it is only started. What is missing is skipped.
"""

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.decimals import minor_of
from projections.journals.accounts import account_of
from projections.journals.dialects import Form
from projections.journals.journal import Journal
from tests.postings import Posted, balances_of, random_postings, story

FORMS: list[Form] = ["ledger", "hledger", "beancount"]
PROGRAMS: dict[Form, tuple[str, ...]] = {
    "ledger": ("ledger",),
    "hledger": ("hledger",),
    "beancount": ("bean-check", "bean-query"),
}
DECIMALS = {"GBP": 2, "JPY": 0, "KWD": 3, "EUR": 2}
HISTORIES = {"story": story(), "random": random_postings(400)}

Balances = dict[tuple[str, str], int]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    """Each kind of journal whose programs are here."""
    chosen: Form = request.param
    for program in PROGRAMS[chosen]:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return chosen


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A program's answer, without anybody's settings."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def check(form: Form, journal: Path) -> subprocess.CompletedProcess[str]:
    """What the program says of a journal, as strictly as it can."""
    commands = {
        "ledger": ("ledger", "--args-only", "-f", str(journal), "--pedantic", "--explicit", "balance"),
        "hledger": ("hledger", "-f", str(journal), "check", "--strict"),
        "beancount": ("bean-check", str(journal)),
    }
    return run(*commands[form])


def balances(form: Form, journal: Path) -> Balances:
    """What the program says that each account has, by our names, minor units; nothing where it is nothing."""
    reader = {"ledger": _ledger_balances, "hledger": _hledger_balances, "beancount": _bean_balances}[form]
    found: Balances = {}
    for name, amount, currency in reader(journal):
        sign = -1 if amount.startswith("-") else 1
        found[account_of(name), currency] = sign * minor_of(amount.removeprefix("-"), DECIMALS[currency])
    return {key: minor for key, minor in found.items() if minor}


def _ledger_balances(journal: Path) -> Iterator[tuple[str, str, str]]:
    form = "%(account)\t%(display_total)\n"
    command = ("ledger", "--args-only", "-f", str(journal), "balance", "--flat", "--no-total", "--balance-format", form)
    account = ""
    for line in run(*command).stdout.splitlines():
        # Further currencies of the same account stand on lines of their own.
        named, tab, amount = line.partition("\t")
        account = named if tab else account
        yield (account, *_split(amount if tab else line))


def _hledger_balances(journal: Path) -> Iterator[tuple[str, str, str]]:
    answer = run("hledger", "-f", str(journal), "balance", "--flat", "--no-total", "-O", "csv")
    for account, amounts in [*csv.reader(answer.stdout.splitlines())][1:]:
        for amount in amounts.split(", "):
            yield (account, *_split(amount))


def _bean_balances(journal: Path) -> Iterator[tuple[str, str, str]]:
    query = "SELECT account, sum(number), currency GROUP BY account, currency"
    for row in [*csv.reader(run("bean-query", "-f", "csv", str(journal), query).stdout.splitlines())][1:]:
        account, amount, currency = (cell.strip() for cell in row)
        yield account, _with_decimals(amount, currency), currency


def _with_decimals(amount: str, currency: str) -> str:
    """A sum that is nothing is printed without its decimals."""
    return amount if amount != "0" or not DECIMALS[currency] else f"0.{'0' * DECIMALS[currency]}"


def _split(amount: str) -> tuple[str, str]:
    number, currency = amount.split()
    return number, currency


def write(path: Path, form: Form, postings: list[Posted]) -> Path:
    """A journal in a file, with closing balances."""
    texts = Journal(form).texts(
        postings, period_of=lambda _: "2026-02", notes=["as of 2026-03-31, at position 10"], is_closed=True
    )
    path.write_text("".join(texts), encoding="ascii")
    return path


@pytest.mark.parametrize("name", HISTORIES)
def test_read_without_a_word(form: Form, name: str, tmp_path: Path) -> None:
    """No error and no warning, also about accounts, currencies and tags that were not declared."""
    answer = check(form, write(tmp_path / "journal", form, HISTORIES[name]))
    assert (answer.returncode, answer.stderr) == (0, "")
    if form != "ledger":
        assert answer.stdout == ""


@pytest.mark.parametrize("name", HISTORIES)
def test_the_same_balances(form: Form, name: str, tmp_path: Path) -> None:
    """Every account has what the postings sum up to, in every currency, to the last minor unit."""
    expected = balances_of(HISTORIES[name])
    assert balances(form, write(tmp_path / "journal", form, HISTORIES[name])) == expected
    assert len(expected) > 4


def test_closing_balances_are_checked(form: Form, tmp_path: Path) -> None:
    """One minor unit off, and the program refuses the journal: so it did look."""
    journal = write(tmp_path / "journal", form, story())
    good = journal.read_text()
    claim = re.compile(r"(Pending:M-ann +(?:0 GBP = )?-4)\.99")
    assert claim.search(good)
    spoilt = claim.sub(r"\1.98", good[good.rindex("payment") :])
    journal.write_text(good[: good.rindex("payment")] + spoilt)
    answer = check(form, journal)
    assert answer.returncode != 0
    assert "M-ann" in answer.stdout + answer.stderr


def test_an_undeclared_account_is_a_warning(form: Form, tmp_path: Path) -> None:
    """What the strict reading is worth: an account that is only used, not declared, is not passed over."""
    journal = write(tmp_path / "journal", form, story())
    kept = [
        line for line in journal.read_text().splitlines() if not re.match(r"(account|.* open) .*:Pending:M-ann", line)
    ]
    journal.write_text("\n".join([*kept, ""]))
    answer = check(form, journal)
    assert answer.returncode != 0 or answer.stderr
