"""`refledger` as people and programs run it: in a process of its own, on a terminal, or, where only words matter, here.

Every answer is checked on the way: whatever happened, nobody ever sees a traceback or an error nobody thought of.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

from cli.main import main
from ledger.application import Ledger

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-c", "from cli.main import main; main()")
WAIT_SECONDS_MAX = 60
NOTHING_SET: Mapping[str, str] = {}
# The exit status a test expects; several where it is not the point.
Status = int | tuple[int, ...]
NEVER_SHOWN = ("Traceback", "error: unexpected", "Exception ignored")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said.

    out  standard output; of a terminal, all that was to be seen
    err  standard error
    """

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out, parse_constant=_refuse)

    def rows(self, form: str) -> list[dict[str, str]]:
        """Standard output as rows of csv or tsv; every row has as many cells as there are columns."""
        dialect = csv.excel if form == "csv" else csv.excel_tab
        quoting = csv.QUOTE_MINIMAL if form == "csv" else csv.QUOTE_NONE
        columns, *lines = csv.reader(io.StringIO(self.out, newline=""), dialect, quoting=quoting, strict=True)
        return [dict(zip(columns, line, strict=True)) for line in lines]


@dataclass(frozen=True, slots=True)
class Tool:
    """The command on one store, run from one folder."""

    url: str
    folder: Path

    def __call__(self, *arguments: str, stdin: bytes = b"", status: Status = 0) -> Answer:
        """Runs a command in this process."""
        return expected(_in_process(self._full(arguments), self.folder, stdin), status)

    def json(self, *arguments: str, status: Status = 0) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Runs a command in this process and reads the JSON it prints."""
        return self(*arguments, "--format", "json", status=status).document

    def process(self, *arguments: str, stdin: bytes = b"", status: Status = 0, **environment: str) -> Answer:
        """Runs a command in a process of its own."""
        process = self.start(*arguments, environment=environment)
        return finished(process, stdin, status)

    def start(
        self, *arguments: str, stdout: int = subprocess.PIPE, environment: Mapping[str, str] = NOTHING_SET
    ) -> subprocess.Popen[bytes]:
        """Starts a command in a process of its own, piped unless said otherwise."""
        return subprocess.Popen(
            [*COMMAND, *self._full(arguments)],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=clean_environment() | dict(environment),
        )

    def on_terminal(self, *arguments: str, status: Status = 0, **environment: str) -> str:
        """Runs a command on a terminal of its own and returns all that was written to it, control codes included."""
        return expected(_on_terminal(self._full(arguments), self.folder, environment), status).out

    def write(self, name: str, records: Iterable[object]) -> str:
        """Writes records as JSON Lines into the folder; returns the name."""
        (self.folder / name).write_bytes(json_lines(records))
        return name

    def feed(self, *records: object, status: Status = 0) -> Any:  # noqa: ANN401  # whatever JSON holds
        """Ingests records, and returns the JSON summary."""
        return self.json("ingest", self.write("records.jsonl", records), status=status)

    def head(self) -> int:
        """The last position of the log."""
        with self.ledger() as ledger:
            return ledger.log.head()

    @contextlib.contextmanager
    def ledger(self) -> Generator[Ledger]:
        """The store, opened beside the command."""
        ledger = Ledger(self.url)
        try:
            yield ledger
        finally:
            ledger.close()

    def _full(self, arguments: tuple[str, ...]) -> list[str]:
        return ["--db", self.url, *arguments]


def desk(url: str, tmp_path: Path) -> Tool:
    """The command on a store, in an empty folder."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return Tool(url, folder)


def json_lines(records: Iterable[object]) -> bytes:
    """Records as JSON Lines; bytes and text are lines already."""
    lines = (record if isinstance(record, bytes) else _text(record).encode() for record in records)
    return b"".join(line + b"\n" for line in lines)


def expected(answer: Answer, status: Status) -> Answer:
    """The answer itself, if it ended as it should and shows nothing that nobody should see."""
    shown = f"\n{answer.out}\n--- stderr\n{answer.err}"
    for text in NEVER_SHOWN:
        assert text not in answer.out + answer.err, shown
    assert answer.status in (status if isinstance(status, tuple) else (status,)), (
        f"not {status} but {answer.status}{shown}"
    )
    return answer


def finished(process: subprocess.Popen[bytes], stdin: bytes = b"", status: Status = 0) -> Answer:
    """Waits for a started command."""
    try:
        out, err = process.communicate(stdin, WAIT_SECONDS_MAX)
    finally:
        process.kill()
    return expected(Answer(process.returncode, out.decode(), err.decode()), status)


def clean_environment() -> dict[str, str]:
    """Our environment, without settings of the tool."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REFLEDGER", "NO_COLOR"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def tables(text: str) -> list[list[str]]:
    """The tables of an answer, without their titles: a heading, a rule, rows."""
    found: list[list[str]] = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        rules = [index for index, line in enumerate(lines) if re.fullmatch(r"-+( +-+)*", line)]
        found += [lines[index - 1 :] for index in rules[:1]]
    return found


def is_aligned(table: list[str]) -> bool:
    """Whether every line of a table has its gaps where the rule under the heading has them."""
    lines = ["".join(map(_cells, line)) for line in table]
    gaps = [index for index, character in enumerate(lines[1]) if character == " "]
    return all(line.ljust(len(lines[1]))[index] == " " for line in lines for index in gaps)


def _cells(character: str) -> str:
    """A character as many times as the cells it takes on a terminal."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return ""
    return character * (2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1)


def _in_process(arguments: list[str], folder: Path, stdin: bytes) -> Answer:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(stdin))))
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, clean_environment(), clear=True),
        mock.patch.multiple(sys, argv=["refledger", *arguments], stdin=given, stdout=out, stderr=err),
    ):
        status = _status_of_main()
    return Answer(status, _written(out), _written(err))


def _status_of_main() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _written(stream: io.TextIOWrapper) -> str:
    return cast("io.BytesIO", stream.buffer).getvalue().decode()


def _on_terminal(arguments: list[str], folder: Path, environment: dict[str, str]) -> Answer:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=clean_environment() | {"TERM": "xterm"} | environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    # Linux says EIO where the other end is closed.
    with contextlib.suppress(OSError):
        while block := os.read(ours, 65_536):
            seen += block
    os.close(ours)
    return Answer(process.wait(WAIT_SECONDS_MAX), seen.decode().replace("\r\n", "\n"), "")


def _text(record: object) -> str:
    return record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
