"""Lines of events.jsonl hashed as they go by, against a head and for the content root."""

from __future__ import annotations

from ledger.tree.hashing import leaf_hashes
from ledger.tree.ranges import RangeProof, RangeVerifier
from projections.content import ContentRoot


class LineHashes:
    """Takes the lines of a range in their order, then says whether they are what the proof is for."""

    def __init__(self, proof: RangeProof, *, has_content: bool) -> None:
        """has_content: their content root too, which a range has that begins with the first event (G-8)."""
        self._verifier = RangeVerifier(proof)
        self._content = ContentRoot() if has_content else None

    def take(self, topics: bytes, lines: bytes) -> None:
        """Takes lines, and the topic of each; both with a line end after every one.

        Lines are cut as whoever reads the file will cut them.

        Raises:
            ProofError: the range has fewer.
        """
        states = lines.split(b"\n")[:-1]
        self._verifier.extend(leaf_hashes(states))
        if self._content is not None:
            self._content.extend(topics.decode().split("\n")[:-1], states)

    def prove(self, root: bytes) -> str | None:
        """Proves the lines taken under the root of the tree; gives their content root if that was asked for.

        Raises:
            ProofError: they are not the range's, or some are missing.
        """
        self._verifier.verify(root)
        return None if self._content is None else self._content.hex()
