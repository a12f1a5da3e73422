"""What tests of exports share: a key, heads signed with it, exports, and what lies in a folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cli.key_files import write_key
from ledger.application import Ledger
from ledger.store.recorder import LogRecorder, Recorded
from ledger.tree.checkpoint import TreeHead, sign_head
from ledger.tree.hashing import root_of
from ledger.tree.keys import Kind, SignerKey
from projections.export.asked import Asked, SignedHead
from projections.export.bundle import export_bundle
from projections.replay.session import Setup
from projections.tree import catch_up
from tests.cli_runner import Tool, desk
from tests.naive_bundle import NaiveBundle, NaiveKey

ORIGIN = "shop.example/ledger"
KEY = SignerKey(ORIGIN, Kind.NOTE, bytes(range(32)))
NAIVE_KEY = NaiveKey(ORIGIN, bytes(range(32)))
# The same in every bundle, or made by DuckDB: compared in another way.
NOT_NAIVE = {"README.txt"}


@contextmanager
def no_bars(label: str, length: int) -> Generator[Callable[[int], None]]:
    """Shows nothing."""
    del label, length
    yield lambda _: None


def signed_head(log: LogRecorder, size: int | None = None, key: SignerKey = KEY) -> SignedHead:
    """The head of the log, or of its beginning, signed; the root is computed from the events."""
    states = [row.state for row in log.read()][:size]
    head = TreeHead(key.name, len(states), root_of(states))
    return SignedHead(bytes(sign_head(head, key)), head)


def exported(log: LogRecorder, target: Path, **asked: Any) -> dict[str, bytes]:
    """A bundle of the whole log, or of what is asked; every file of it."""
    catch_up(log)
    head = asked.pop("head", None) or signed_head(log)
    question = Asked(head, asked.pop("first", 1), asked.pop("last", head.head.size), **asked)
    export_bundle(log, question, KEY, target, setup=Setup(), bars=no_bars)
    return contents(target)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_is_naive(found: dict[str, bytes], naive: NaiveBundle) -> None:
    """Byte for byte what the naive writer makes; Parquet has the rows of the CSV."""
    expected = naive.files()
    tables = {name for name in expected if name.startswith("tables/")}
    parquet = {name.replace(".csv", ".parquet") for name in tables}
    others = {name: data for name, data in found.items() if name in NOT_NAIVE | parquet}
    for name, data in expected.items():
        assert found[name] == data, name
    expected |= others
    expected |= naive.manifest(expected)
    assert found == expected
    assert others.keys() == NOT_NAIVE | parquet


def whole(ledger: Ledger, **asked: Any) -> NaiveBundle:
    """The naive bundle of a ledger's log."""
    rows = list(ledger.log.read())
    return NaiveBundle(rows, NAIVE_KEY, asked.pop("first", 1), asked.pop("last", len(rows)), **asked)


def prepared(ledger: Ledger, url: str, tmp_path: Path) -> Tool:
    """The command beside a key that has signed a head of this log."""
    tool = desk(url, tmp_path)
    write_key(tool.folder / "log.key", KEY)
    (tool.folder / "log.key.head").write_bytes(signed_head(ledger.log).raw)
    return tool


def rows_of(found: dict[str, bytes], name: str) -> list[dict[str, str]]:
    """Rows of a table of a bundle."""
    return list(csv.DictReader(io.StringIO(found[f"tables/{name}.csv"].decode(), newline="")))


def is_chosen(state: bytes, rows: Sequence[Recorded], **chosen: tuple[str, ...]) -> bool:
    """The filters of the README, said again."""
    event = json.loads(state)
    data, asked = event["data"], event["data"].get("asked", {})
    named = [asked.get("member"), asked.get("inviter"), asked.get("invitee"), data.get("member"), data.get("referrer")]
    stream = None
    if event["type"] == "OrderPlaced":
        stream = event["stream"]
    elif event["type"] in {"OrderRefunded", "RefundRefused"}:
        stream = f"order-{asked['order']}"
        named += [json.loads(row.state)["data"]["asked"]["member"] for row in rows if row.stream == stream]
    elif event["type"] == "BindingRenewed":
        stream = f"order-{event['id']}"
    return (
        (not chosen.get("kinds") or event["type"] in chosen["kinds"])
        and (not chosen.get("orders") or stream in chosen["orders"])
        and (not chosen.get("members") or not set(chosen["members"]).isdisjoint(named))
    )


def parquet_rows(path: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns with their types, and rows with times as canonical texts."""
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        rows = duck.from_parquet(str(path))
        shown = [
            f"strftime(\"{name}\", '%Y-%m-%dT%H:%M:%S.%fZ')" if str(kind).startswith("TIMESTAMP") else f'"{name}"'
            for name, kind in zip(rows.columns, rows.types, strict=True)
        ]
        types = [f"{name} {kind}" for name, kind in zip(rows.columns, rows.types, strict=True)]
        return types, rows.project(", ".join(shown)).fetchall()
