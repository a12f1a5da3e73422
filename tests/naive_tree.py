"""The definitions of RFC 6962, section 2.1, word for word and as slow; and trees to try proofs on."""

from __future__ import annotations

from hashlib import sha256

from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import SubtreeHash

ENTRIES = [str(number).encode() for number in range(300)]
LEAVES = leaf_hashes(ENTRIES)


def largest_power_below(count: int) -> int:
    """K of the RFC: k < n <= 2k."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def mth(leaves: list[bytes]) -> bytes:
    """MTH(D[n]), D given by its leaf hashes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, complete: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), and PROOF(m, D[n]) with b true."""
    if m == len(leaves):
        return [] if complete else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], complete=complete), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], complete=False), mth(leaves[:k])]


def outside(start: int, end: int, leaves: list[bytes], first: int = 0) -> list[tuple[int, bytes]]:
    """The largest nodes that hold nothing of leaves start..end-1, from left to right, each behind its first leaf."""
    stop = first + len(leaves)
    if stop <= start or end <= first:
        return [(first, mth(leaves))]
    if start <= first and stop <= end:
        return []
    k = largest_power_below(len(leaves))
    return outside(start, end, leaves[:k], first) + outside(start, end, leaves[k:], first + k)


def subtrees(leaves: list[bytes]) -> SubtreeHash:
    """Hashes of perfect subtrees, and of no others."""
    known = {
        (level, index): mth(leaves[index << level : (index + 1) << level])
        for level in range(len(leaves).bit_length())
        for index in range(len(leaves) >> level)
    }
    return lambda level, index: known[level, index]


def flips(hashed: bytes) -> list[bytes]:
    """The same with one bit turned, for every bit."""
    number = int.from_bytes(hashed, "big")
    return [(number ^ 1 << bit).to_bytes(len(hashed), "big") for bit in range(8 * len(hashed))]


def damaged(hashes: list[bytes]) -> list[list[bytes]]:
    """A list of hashes with one dropped, doubled, turned in a bit or cut, two swapped, one too many at either end."""
    found = [[b"\0" * 32, *hashes], [*hashes, b"\0" * 32]]
    for at, one in enumerate(hashes):
        before, after = hashes[:at], hashes[at + 1 :]
        found += [[*before, *after], [*before, one, one, *after], [*before, one[:-1], *after], [*before, b"", *after]]
        found += [[*before, flipped, *after] for flipped in flips(one)]
        if after and after[0] != one:
            found.append([*before, after[0], one, *after[1:]])
    return found
