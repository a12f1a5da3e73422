"""One line of a scenario: a cursor over its words, and readers that take values off it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.scenarios.steps import Where

TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?)?")
RATE = re.compile(r"(\d+(?:\.\d+)?)(%|ppm)")
DAYS = re.compile(r"(\d+)d")
LINE = re.compile(r"(\d+):(-?\d+)")
CURRENCY = re.compile(r"[A-Z]{3}")


class LineError(Exception):
    """What is wrong with a line; the parser adds which line."""


@dataclass
class State:
    """What one line hands on to the next: how many ids were given out, the last plan, the latest time."""

    given: Counter[str] = field(default_factory=Counter[str])
    plan: int = 0
    latest: datetime | None = None


@dataclass
class Line:
    """The words of one line that are still to be read."""

    where: Where
    words: list[str]
    state: State

    def peek(self) -> str:
        """The next word, or nothing."""
        return self.words[0] if self.words else ""

    def take(self, what: str) -> str:
        """The next word, taken off the line."""
        if not self.words:
            raise LineError(f"{what} is missing")
        return self.words.pop(0)

    def take_one_of(self, what: str, allowed: frozenset[str]) -> str:
        """The next word, which must be one of these."""
        word = self.take(what)
        if word not in allowed:
            raise LineError(f"{what} cannot be {word!r}: one of {', '.join(sorted(allowed))}")
        return word

    def match(self, what: str, pattern: re.Pattern[str]) -> re.Match[str]:
        """The next word, which must look like this."""
        word = self.take(what)
        if found := pattern.fullmatch(word):
            return found
        raise LineError(f"{what} cannot be {word!r}")

    def end(self) -> None:
        """No word may be left."""
        if self.words:
            raise LineError(f"{self.peek()!r} was not expected here")


def lines(path: Path, state: State) -> Iterator[Line]:
    """The lines of a file that say something."""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        said = text.partition("#")[0]
        if words := said.split():
            yield Line(Where(path.name, number, " ".join(words)), words, state)


def read_time(line: Line) -> str:
    """A time as the record carries it: a date is midnight, a time without zone is UTC."""
    found = line.match("a time", TIME)
    text = f"{found[1]}T{found[2] or '00:00:00'}{found[3] or 'Z'}"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise LineError(f"a time cannot be {found[0]!r}: {error}") from None
    latest = line.state.latest
    line.state.latest = instant if latest is None else max(latest, instant)
    return text


def read_instant(line: Line) -> datetime:
    """A time, aware."""
    return datetime.fromisoformat(read_time(line))


def read_integer(line: Line) -> int:
    """A whole number, below zero too: the ledger is to refuse those."""
    return int(line.match("a whole number", re.compile(r"-?\d+"))[0])


def read_days(line: Line) -> int:
    """A number of days, as in 30d."""
    return int(line.match("days, as in 30d,", DAYS)[1])


def read_ttl(line: Line) -> int | None:
    """A number of days, or none."""
    if line.peek() == "none":
        _ = line.take("none")
        return None
    return read_days(line)


def read_rate_ppm(line: Line) -> int:
    """A rate in parts per million, as in 10% or 100000ppm."""
    found = line.match("a rate, as in 10% or 100000ppm,", RATE)
    rate_ppm = Decimal(found[1]) * (10_000 if found[2] == "%" else 1)
    if rate_ppm != int(rate_ppm):
        raise LineError(f"a rate cannot be {found[0]!r}: not a whole number of ppm")
    return int(rate_ppm)


def read_word(line: Line) -> str:
    """Any word."""
    return line.take("a word")


def read_minimums(line: Line) -> dict[str, int]:
    """Amounts by currency, as in GBP 2000 EUR 3000."""
    minimums: dict[str, int] = {}
    while not minimums or CURRENCY.fullmatch(line.peek()):
        currency = line.match("a currency", CURRENCY)[0]
        minimums[currency] = read_integer(line)
    return minimums


def read_order_lines(line: Line) -> list[dict[str, object]]:
    """Order lines, as in 1:500 2:505."""
    lines: list[dict[str, object]] = []
    while found := LINE.fullmatch(line.peek()):
        _ = line.take("a line")
        lines.append({"n": int(found[1]), "sku": f"sku-{found[1]}", "qty": 1, "amount": int(found[2])})
    return lines


Reader = Callable[[Line], object]


def read_options(line: Line, readers: Mapping[str, tuple[str, Reader]]) -> dict[str, object]:
    """The options to the end of the line or the arrow: word -> (key in the record, reader of the value)."""
    found: dict[str, object] = {}
    while line.peek() not in {"", "->"}:
        if "currency" in readers and CURRENCY.fullmatch(line.peek()):
            key, reader = "currency", read_word
        else:
            key, reader = readers[line.take_one_of("the option", frozenset(readers))]
        if key in found:
            raise LineError(f"{key} is said twice")
        found[key] = reader(line)
    return found


def read_question(line: Line, *, currency: bool) -> tuple[str, datetime]:
    """`[CUR] [at TIME]` at the end of an expectation: the currency and the instant asked for."""
    readers: dict[str, tuple[str, Reader]] = {"at": ("as_of", read_instant)}
    if currency:
        readers["currency"] = ("currency", read_word)
    said = read_options(line, readers)
    as_of = said.get("as_of", line.state.latest)
    if not isinstance(as_of, datetime):
        raise LineError("no time was mentioned so far: say `at TIME`")
    return str(said.get("currency", "GBP")), as_of
