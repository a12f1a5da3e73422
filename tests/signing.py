"""Signed heads as tests use them: a desk with a key, and what is true of every head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.tree.checkpoint import Policy, TreeHead, verify_head
from ledger.tree.keys import VerifierKey, parse_verifier_key
from tests.builders import order, plan
from tests.cli_runner import Answer, Status, Tool

ORIGIN = "shop.example/ledger"


@dataclass(frozen=True, slots=True)
class Signer:
    """The command on a store, with a key for heads.

    key  name of the key's file in the desk's folder
    """

    tool: Tool
    vkey: str
    key: str = "log.key"
    origin: str = ORIGIN

    @property
    def verifier(self) -> VerifierKey:
        """The public key."""
        return parse_verifier_key(self.vkey)

    @property
    def state(self) -> Path:
        """Where the last head is kept."""
        return self.tool.folder / f"{self.key}.head"

    def sign(self, *options: str, status: Status = 0) -> Answer:
        """`head sign`; what it did to the state and what it printed must fit."""
        before = self.state.read_bytes() if self.state.exists() else None
        answer = self.tool("head", "sign", "--key", self.key, *options, status=status)
        after = self.state.read_bytes() if self.state.exists() else None
        assert (after == answer.out.encode()) if answer.status == 0 else (after, answer.out) == (before, "")
        return answer

    def head(self, *options: str) -> TreeHead:
        """Signs, and gives what was signed."""
        return self.verified(self.sign(*options).out)

    def verified(self, text: str) -> TreeHead:
        """A head that this key signed."""
        return verify_head(text.encode(), Policy(self.origin, (self.verifier,)), exact=True).head

    def keep(self, name: str, *options: str) -> str:
        """Signs into a file of the desk's folder; the name."""
        (self.tool.folder / name).write_text(self.sign(*options).out)
        return name


def signer(tool: Tool, *, key: str = "log.key", origin: str = ORIGIN) -> Signer:
    """A desk with a new key."""
    return Signer(tool, tool("head", "keygen", origin, "-o", key).out.strip(), key, origin)


def feed_plan(tool: Tool) -> None:
    """The first event."""
    tool.feed(plan())


def feed_orders(tool: Tool, first: int, count: int) -> None:
    """As many events."""
    tool.feed(*(order(f"o{number}", "ben", 100, "2026-01-02T00:00:00Z") for number in range(first, first + count)))
