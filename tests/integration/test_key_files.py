"""Files of private keys: for their owner alone, never overwritten, and nothing of them is ever shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.key_files import read_key
from ledger.tree.keys import Kind, parse_signer_key, parse_verifier_key
from tests.cli_runner import Tool, desk

pytestmark = pytest.mark.long_on_postgres

ORIGIN = "shop.example/ledger"


@pytest.fixture
def tool(sqlite_url: str, tmp_path: Path) -> Tool:
    """The command; keys know no store."""
    return desk(sqlite_url, tmp_path)


def make(tool: Tool, *options: str) -> tuple[Path, str]:
    """A new key: its file, and the public key."""
    out = tool("head", "keygen", ORIGIN, "-o", "log.key", *options).out
    return tool.folder / "log.key", out.removesuffix("\n")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_key(tool: Tool, umask: int) -> None:
    """Its file is ours alone, whatever the umask; the public key is the one to it."""
    before = os.umask(umask)
    try:
        file, vkey = make(tool)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = parse_signer_key(file.read_text().removesuffix("\n"))
    assert (str(key.verifier), key.name, key.kind) == (vkey, ORIGIN, Kind.NOTE)
    assert read_key(file) == key


def test_a_witness_key(tool: Tool) -> None:
    """Of the kind that cosigns."""
    _, vkey = make(tool, "--witness")
    assert parse_verifier_key(vkey).kind is Kind.COSIGNATURE


def test_two_keys_are_two(tool: Tool) -> None:
    """Also of one name."""
    first = tool("head", "keygen", ORIGIN, "-o", "one").out
    assert tool("head", "keygen", ORIGIN, "-o", "two").out != first


def test_a_key_is_never_overwritten(tool: Tool) -> None:
    """Nor anything else, nor through a link that leads nowhere yet."""
    file, _ = make(tool)
    before = file.read_bytes()
    assert "never overwritten" in tool("head", "keygen", ORIGIN, "-o", "log.key", status=6).err
    assert file.read_bytes() == before
    (tool.folder / "link").symlink_to(tool.folder / "nowhere")
    assert "never overwritten" in tool("head", "keygen", ORIGIN, "-o", "link", status=6).err
    assert not (tool.folder / "nowhere").exists()
    assert "cannot be written" in tool("head", "keygen", ORIGIN, "-o", "no/such/folder", status=6).err


@pytest.mark.parametrize("origin", ["two words", "plus+plus", "", "tab\there"])
def test_a_name_that_is_none(tool: Tool, origin: str) -> None:
    """Refused, and no file is made."""
    assert "not a name for a key" in tool("head", "keygen", origin, "-o", "log.key", status=6).err
    assert not (tool.folder / "log.key").exists()


def test_a_name_in_any_script(tool: Tool) -> None:
    """Names are Unicode."""
    out = tool("head", "keygen", "læden.example/bøker", "-o", "log.key").out
    assert parse_verifier_key(out.strip()).name == "læden.example/bøker"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_key_that_others_may_read(tool: Tool, mode: int) -> None:
    """Is not used; the answer says what to type, and that helps."""
    file, _ = make(tool)
    file.chmod(mode)
    answer = tool("head", "sign", "--key", "log.key", "--first", status=6)
    assert "others may read or write log.key: type: chmod 600 log.key" in answer.err
    assert not (tool.folder / "log.key.head").exists()
    file.chmod(0o600)
    tool("head", "sign", "--key", "log.key", "--first")
    file.chmod(0o400)
    tool("head", "sign", "--key", "log.key")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_a_key_of_another_user(tool: Tool) -> None:
    """Is not used."""
    file, _ = make(tool)
    os.chown(file, 12_345, -1)
    answer = tool("head", "sign", "--key", "log.key", "--first", status=6)
    assert "log.key belongs to another user" in answer.err
    assert f"chown {os.geteuid()} log.key" in answer.err


def test_no_key(tool: Tool) -> None:
    """No file, a folder, a pipe: named, and what makes one."""
    answer = tool("head", "sign", "--key", "no.key", "--first", status=4)
    assert "there is no key file no.key: `refledger head keygen ORIGIN -o no.key` makes one" in answer.err
    (tool.folder / "folder").mkdir(mode=0o700)
    os.mkfifo(tool.folder / "pipe", 0o600)
    for name, said in (("folder", "Is a directory"), ("pipe", "pipe is no file")):
        assert said in tool("head", "sign", "--key", name, "--first", status=6).err


def secret_of(line: str) -> str:
    """The last part of a private key; base64 may hold plus signs."""
    return line.split("+", 4)[4]


def damages(line: str) -> dict[str, bytes]:
    """What a key's file may hold instead."""
    secret = secret_of(line)
    head = line.removesuffix(secret)
    return {
        "nothing": b"",
        "a line more": f"{line}\nmore\n".encode(),
        "a space more": f"{line} \n".encode(),
        "cut": line[:-5].encode(),
        "a letter changed": f"{head}{secret[:20]}{'A' if secret[20] != 'A' else 'B'}{secret[21:]}\n".encode(),
        "without its beginning": f"{line.removeprefix('PRIVATE+KEY+')}\n".encode(),
        "not text": b"\xff\xfe" + line.encode(),
        "doubled": f"{line}{line}\n".encode(),
    }


@pytest.mark.parametrize("damage", damages("PRIVATE+KEY+name+id+" + "d" * 44))
def test_a_damaged_key_is_never_shown(tool: Tool, damage: str) -> None:
    """One line says that it is no key; no six letters of the secret stand in it."""
    file, _ = make(tool)
    line = file.read_text().strip()
    secret = secret_of(line)
    file.write_bytes(damages(line)[damage])
    for talk in ([], ["-v"]):
        answer = tool(*talk, "head", "sign", "--key", "log.key", "--first", status=6)
        assert "log.key holds no private key" in answer.err
        assert answer.err.count("\n") == 1
        assert not any(secret[at : at + 6] in answer.out + answer.err for at in range(len(secret) - 6))


def test_a_key_is_never_shown(tool: Tool) -> None:
    """Not by any command that uses it, nor in what they write."""
    file, vkey = make(tool)
    secret = secret_of(file.read_text().strip())[2:]
    said: list[str] = []
    for arguments in (
        ["head", "sign", "--key", "log.key", "--first"],
        ["-v", "head", "sign", "--key", "log.key"],
        ["head", "show", "log.key.head", "--key", vkey],
        ["head", "sign", "--help"],
        ["head", "keygen", ORIGIN, "-o", "other.key"],
    ):
        answer = tool(*arguments)
        said += [answer.out, answer.err]
    said += [path.read_text(errors="replace") for path in tool.folder.iterdir() if path.suffix != ".key"]
    assert not any(secret[at : at + 8] in text for text in said for at in range(len(secret) - 8))
