"""`export` on the command line: what it says, and what it refuses before anything is there."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.tree.checkpoint import sign_head
from ledger.tree.keys import SignerKey
from tests.builders import commands
from tests.exports import KEY, assert_is_naive, contents, prepared, signed_head, whole
from tests.properties.test_generated import history
from tests.worker_process import tamper

pytestmark = pytest.mark.long_on_postgres

SEPTEMBER = datetime(2024, 9, 1, tzinfo=UTC)
# Another amount for the first order; its type stays, so only its hash says so.
CHANGE = "UPDATE event SET state = {} WHERE position = (SELECT min(position) FROM event WHERE topic = 'OrderPlaced')"
CHANGES = {
    "sqlite": CHANGE.format("""CAST(replace(CAST(state AS TEXT), '"amount":', '"amount":1') AS BLOB)"""),
    "postgresql": CHANGE.format(
        """convert_to(replace(convert_from(state, 'UTF8'), '"amount":', '"amount":1'), 'UTF8')"""
    ),
}
OTHER_KEY = SignerKey(KEY.name, KEY.kind, bytes(32))


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, on each engine."""
    ledger.submit(commands(history(2)))
    ledger.expire()
    return ledger


def test_command(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """The head is the last one of the key; what it says; a bundle goes on from the last one."""
    tool = prepared(fed, store_url, tmp_path)
    said = tool("export", "bundle", "-o", "one", "--key", "log.key", "--to", "300")
    assert (said.out, said.err) == ("", "300 events of positions 1 to 300 are in one\n")
    assert_is_naive(contents(tool.folder / "one"), whole(fed, last=300))
    words = ("--from", "301", "--previous", "one/checkpoint", "--as-of", "2024-09-01", "--tz", "UTC")
    tool("export", "bundle", "-o", "two", "--key", "log.key", *words)
    naive = whole(fed, first=301, previous_size=fed.log.head(), as_of=SEPTEMBER)
    assert_is_naive(contents(tool.folder / "two"), naive)
    said = tool("export", "bundle", "-o", "three", "--key", "log.key", "--redact", "--member", "m-000003")
    assert "more as hashes are in three" in said.err


REFUSED = {
    "beyond the head": (("--to", "99999"), 4, "the head covers positions 1 to"),
    "nothing in the range": (("--from", "10", "--to", "9"), 4, "not 10 to 9"),
    "a source of nothing": (("--source", "shop"), 2, "--source is for --order"),
    "nothing to redact": (("--redact",), 2, "--redact goes with"),
    "a choice that hides nothing": (("--member", "m-000003"), 2, "--redact goes with"),
    "no tables, no time": (("--redact", "--kind", "OrderPlaced", "--as-of", "2024-01-01T00:00:00Z"), 2, "has none"),
    "some tiles": (("--format", "tlog-tiles", "--from", "2"), 2, "all that the head covers"),
    "no folder": (("-o", "-"), 2, "a bundle is a folder"),
    "nobody chosen": (("--redact", "--order", "nobody's", "--from", "300"), 4, "is what was asked for"),
    "a previous key alone": (("--previous-key", str(KEY.verifier)), 2, "is for --previous"),
    "a folder that is not UTF-8": (("-o", os.fsdecode(b"b\xff")), 2, "no name in UTF-8"),
    "no folder in UTF-8": (("--temp-dir", os.fsdecode(b"b\xff")), 2, "no name in UTF-8"),
    "no head": (("--head", "nothing"), 2, "cannot be read"),
}


def test_what_is_refused(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """In one line, with its status, before anything is there."""
    tool = prepared(fed, store_url, tmp_path)
    before = sorted(tool.folder.iterdir())
    for case, (words, status, message) in REFUSED.items():
        answer = tool("export", "bundle", "-o", "out", "--key", "log.key", *words, status=status)
        assert message in answer.err, case
        assert status == 2 or answer.err.count("\n") == 1, case
        assert sorted(tool.folder.iterdir()) == before, case


def test_an_empty_log(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """Its head can be signed, and there is nothing to export."""
    tool = prepared(ledger, store_url, tmp_path)
    for layout in ("bundle", "tlog-tiles"):
        words = ("export", "bundle", "-o", "out", "--key", "log.key", "--format", layout)
        assert "the head is of an empty log" in tool(*words, status=4).err


def test_heads_that_are_not_this_logs(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """Another root, more events than there are, another signer, another origin: status 3 and nothing is written."""
    tool = prepared(fed, store_url, tmp_path)
    good = signed_head(fed.log).head
    elsewhere = replace(KEY, name="other.example/ledger")
    heads = {
        "another root": bytes(sign_head(replace(good, root=bytes(32)), KEY)),
        "too many": bytes(sign_head(replace(good, size=good.size + 1), KEY)),
        "another signer": bytes(sign_head(good, OTHER_KEY)),
        "another origin": bytes(sign_head(replace(good, origin=elsewhere.name), elsewhere)),
    }
    for name, raw in heads.items():
        (tool.folder / "bad").write_bytes(raw)
        before = sorted(tool.folder.iterdir())
        answer = tool("export", "bundle", "-o", "out", "--key", "log.key", "--head", "bad", status=3)
        assert answer.err.count("\n") == 1, name
        answer = tool(
            *("export", "bundle", "-o", "out", "--key", "log.key", "--previous", "bad"),
            status=6 if name == "too many" else 3,
        )
        assert answer.err.count("\n") == 1, name
        assert sorted(tool.folder.iterdir()) == before


def test_previous_head_of_an_earlier_key(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """After a change of keys the old key is named; without it the old head proves nothing."""
    tool = prepared(fed, store_url, tmp_path)
    old = signed_head(fed.log, 100, OTHER_KEY).raw
    (tool.folder / "old").write_bytes(old)
    words = ("export", "bundle", "-o", "out", "--key", "log.key", "--previous", "old")
    tool(*words, status=3)
    tool(*words, "--previous-key", str(OTHER_KEY.verifier))
    assert (tool.folder / "out" / "previous").read_bytes() == old


def test_a_target_that_is_there(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """Is never touched: a folder, an empty one, a file, a link that leads nowhere."""
    tool = prepared(fed, store_url, tmp_path)
    (tool.folder / "folder").mkdir()
    (tool.folder / "file").touch()
    (tool.folder / "link").symlink_to("nowhere")
    before = sorted(tool.folder.iterdir())
    for name in ("folder", "file", "link"):
        for form in ("bundle", "tlog-tiles"):
            answer = tool("export", "bundle", "-o", name, "--key", "log.key", "--format", form, status=6)
            assert "is there already" in answer.err
    assert sorted(tool.folder.iterdir()) == before
    assert "cannot be written" in tool("export", "bundle", "-o", "file/out", "--key", "log.key", status=6).err


def test_a_key_that_others_can_read(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """Is refused, with what to type; nothing shows it."""
    tool = prepared(fed, store_url, tmp_path)
    (tool.folder / "log.key").chmod(0o644)
    answer = tool("export", "bundle", "-o", "out", "--key", "log.key", status=6)
    assert "chmod 600" in answer.err
    assert "PRIVATE" not in answer.err


def test_no_private_key_in_the_folder(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """The key never leaves its file."""
    tool = prepared(fed, store_url, tmp_path)
    tool("export", "bundle", "-o", "out", "--key", "log.key")
    secret = KEY.secret_text().rpartition("+")[2].encode()
    for data in contents(tool.folder / "out").values():
        assert secret not in data
        assert KEY.seed not in data


def test_log_that_was_changed(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """The tiles still lead to the head's root, the events do not any more: found before anything is released."""
    tool = prepared(fed, store_url, tmp_path)
    tool("export", "bundle", "-o", "before", "--key", "log.key")
    tamper(store_url, CHANGES[store_url.partition(":")[0]])
    for form in ("bundle", "tlog-tiles"):
        answer = tool("export", "bundle", "-o", "out", "--key", "log.key", "--format", form, status=3)
        assert "head, tiles and events do not belong together" in answer.err
    assert sorted(path.name for path in tool.folder.iterdir()) == ["before", "log.key", "log.key.head"]
