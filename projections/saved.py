"""Replays in files: one JSON line about the replay, then a canonical line per balance, whose root is the digest."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from ledger.canonical import canonical
from ledger.clock import format_instant, parse_instant
from ledger.errors import IntegrityError, RefusedError
from ledger.tree.hashing import RootBuilder
from projections.balances import Balance

FORMAT = "refledger-replay-1"


class NoReplayError(RefusedError):
    """A file that is no saved replay."""

    code = "no_replay"


@dataclass(frozen=True, slots=True)
class Heading:
    """What a replay was: its coordinates (G-5), digest and content root, and in words what it supposed."""

    as_of: datetime
    at_position: int
    digest: str
    content_root: str
    what: str


def save(file: IO[str], heading: Heading, lines: Iterable[str]) -> None:
    """Writes a replay; `lines` are its balances in order, canonical."""
    head = {
        "format": FORMAT,
        "as_of": format_instant(heading.as_of),
        "at_position": heading.at_position,
        "content_root": heading.content_root,
        "digest": heading.digest,
        "what": heading.what,
    }
    file.write(canonical(head).decode() + "\n")
    file.writelines(f"{line}\n" for line in lines)


@contextmanager
def saved(path: Path) -> Generator[tuple[Heading, Iterator[Balance]]]:
    """A replay read back: its heading and its balances, one at a time.

    Raises:
        NoReplayError: the file is none.
        IntegrityError: at the last balance: they do not have the digest that the heading says.
    """
    with path.open("rb") as file:
        heading = _heading(path, file.readline())
        yield heading, _balances(path, heading, file)


def _heading(path: Path, line: bytes) -> Heading:
    try:
        head = json.loads(line)
        if head["format"] != FORMAT:
            raise NoReplayError(f"{path} is of format {head['format']!a}; this version reads {FORMAT!a}")
        position = int(head["at_position"])
        texts = [str(head[key]) for key in ("digest", "content_root", "what")]
        return Heading(parse_instant(head["as_of"]), position, *texts)
    except (ValueError, KeyError, TypeError):
        raise NoReplayError(f"{path} is no saved replay: `refledger replay --save FILE` makes one") from None


def _balances(path: Path, heading: Heading, lines: Iterable[bytes]) -> Iterator[Balance]:
    root = RootBuilder()
    for number, line in enumerate(lines, start=2):
        state = line.removesuffix(b"\n")
        root.add(state)
        try:
            yield Balance(**cast("dict[str, Any]", json.loads(state)))
        except (ValueError, TypeError):
            raise NoReplayError(f"{path}, line {number}: no balance") from None
    if root.root().hex() != heading.digest:
        raise IntegrityError(f"{path} was changed: its balances do not have the digest {heading.digest}")
