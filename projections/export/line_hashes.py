"""Lines of events.jsonl hashed, against a head and for the content root; many of them by a process of its own.

python -m projections.export.line_hashes     takes what to prove, then blocks of lines; answers once, at the end
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ledger.garbage import collection_paused
from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import ProofError
from ledger.tree.ranges import RangeProof, RangeVerifier
from projections.child import Child, answer, more
from projections.content import ContentRoot

# With less a child costs more than it saves.
EVENTS_MIN = 100_000


class LineHashes(Protocol):
    """Takes the lines of a range in their order, then says whether they are what the proof is for."""

    def take(self, topics: bytes, lines: bytes) -> None:
        """Takes lines, and the topic of each; both with a line end after every one.

        Raises:
            ProofError: the range has fewer; may also come at the end.
        """
        ...

    def prove(self, root: bytes) -> str | None:
        """Proves the lines taken under the root of the tree; gives their content root if that was asked for.

        Raises:
            ProofError: they are not the range's, or some are missing.
        """
        ...

    def close(self) -> None:
        """Ends what is at work, if anything is."""


def hashing(proof: RangeProof, *, has_content: bool) -> LineHashes:
    """The quickest way to prove a range; its content root too, which one has that begins with the first event."""
    way = HashesBeside if proof.end - proof.start >= EVENTS_MIN else HashesHere
    return way(proof, has_content=has_content)


class HashesHere:
    """In this process."""

    def __init__(self, proof: RangeProof, *, has_content: bool) -> None:
        self._verifier = RangeVerifier(proof)
        self._content = ContentRoot() if has_content else None

    def take(self, topics: bytes, lines: bytes) -> None:
        """Takes lines; they are cut as whoever reads the file will cut them."""
        states = lines.split(b"\n")[:-1]
        self._verifier.extend(leaf_hashes(states))
        if self._content is not None:
            self._content.extend(topics.decode().split("\n")[:-1], states)

    def prove(self, root: bytes) -> str | None:
        """Proves them."""
        self._verifier.verify(root)
        return None if self._content is None else self._content.hex()

    def close(self) -> None:
        """Nothing to end."""


class HashesBeside:
    """In another process: hashing takes as long as reading and staging."""

    def __init__(self, proof: RangeProof, *, has_content: bool) -> None:
        """Starts it."""
        asked = (proof.start, proof.end, proof.size, proof.left, proof.right), int(has_content)
        self._child = Child("projections.export.line_hashes", asked)

    def take(self, topics: bytes, lines: bytes) -> None:
        """Sends lines; waits while it is behind."""
        self._child.send((topics, lines))

    def prove(self, root: bytes) -> str | None:
        """Asks for the end.

        Raises:
            ChildProcessError: it ended before.
        """
        self._child.send((root,))
        found = self._child.next()
        if found is None:
            raise ChildProcessError("the process that hashed the lines ended")
        wrong, content = found
        if wrong is not None:
            raise ProofError(wrong)
        return content

    def close(self) -> None:
        """Ends it."""
        self._child.close()


def _hash(proof: tuple[Any, ...], has_content: int) -> Iterator[tuple[str | None, str | None]]:
    with collection_paused():
        try:
            hashes = HashesHere(RangeProof(*proof), has_content=bool(has_content))
            for sent in more():
                if len(sent) == 1:
                    yield None, hashes.prove(*sent)
                    return
                hashes.take(*sent)
        except ProofError as error:
            yield str(error), None


if __name__ == "__main__":
    answer(_hash)
