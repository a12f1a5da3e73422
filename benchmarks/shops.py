"""An archive of shops side by side, larger than what can be ingested here: one sealed archive, several times over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import duckdb

from ledger.tree.hashing import RootBuilder, root_of
from projections.archive.manifest import (
    EVENTS,
    KINDS,
    MANIFEST,
    MEMBERS,
    FileFacts,
    Manifest,
    TreeFacts,
    file_of,
    folder_of,
    hash_of,
)
from projections.archive.place import Place
from projections.archive.reading import Archive
from projections.archive.relations import write
from projections.balances import Balance, line_of

# So that the numbers at the end of their names are of one digit, and names keep their order.
SHOPS_MAX = 10

# What makes a name of one shop another of the next: no name of the generator's has it.
MARK = "~"

# What a shop's typed rows are; {at} positions and {members} members are before it, and names end in {mark}.
_SHIFTED: Mapping[str, str] = {
    "orders": "* REPLACE (position + {at} AS position, member + {members} AS member, stream || '{mark}' AS stream)",
    "refunds": """* REPLACE (
        position + {at} AS position, order_position + {at} AS order_position, stream || '{mark}' AS stream
    )""",
    "bindings": """* REPLACE (
        position + {at} AS position, bind + {at} AS bind, member + {members} AS member, referrer + {members} AS referrer
    )""",
    "requests": """* REPLACE (
        position + {at} AS position, member + {members} AS member, inviter + {members} AS inviter,
        invite || '{mark}' AS invite
    )""",
    MEMBERS: "* REPLACE (member + {members} AS member, name || '{mark}' AS name)",
}


@dataclass(frozen=True, slots=True)
class _Shop:
    """One of the shops. at, members: how many positions and members are before it."""

    number: int
    at: int
    members: int

    @property
    def mark(self) -> str:
        """The end of its names."""
        return f"{MARK}{self.number}" if self.number else ""


def side_by_side(source: str, shops: int, target: Path) -> int:
    """Makes an archive of as many shops, each with the orders, refunds, bindings and members of the source's log.

    The shops follow one another; the plans are the first one's. Nobody ever recorded such a log, so there are no stored
    bytes, and the roots and the leaves in the manifests mean nothing; sizes, hashes and the chain are as they must be.

    Args:
        source: address of a sealed archive.
        shops: how many, at most SHOPS_MAX.
        target: a directory that is not there yet.

    Returns:
        How many events it claims.
    """
    archive = Archive.open(source)
    with duckdb.connect() as duck:
        archive.register(duck)
        ((members,),) = duck.execute("SELECT count(*) FROM read_parquet($1)", [archive.paths(MEMBERS)]).fetchall()
        previous = archive.segments[0].manifest.previous
        for number in range(shops):
            shop = _Shop(number, number * archive.end, number * members)
            for segment in archive.segments:
                previous = _segment(duck, archive.place, segment.manifest, shop, previous, target)
    return shops * archive.end


def digest_of_shops(balances: Iterable[Balance], shops: int) -> str:
    """The digest of balances (S-3) that so many shops must have, if one has these, in order."""

    def lines() -> Iterator[bytes]:
        for row in balances:
            # No name begins with another, so the order of all names is that of the shops within each.
            for number in range(shops):
                yield line_of(replace(row, member=row.member + _Shop(number, 0, 0).mark)).encode()

    return root_of(lines()).hex()


def _segment(
    duck: duckdb.DuckDBPyConnection, source: Place, manifest: Manifest, shop: _Shop, previous: str, target: Path
) -> str:
    """One segment of one shop; returns the hash of its manifest."""
    first, last = manifest.first + shop.at, manifest.last + shop.at
    folder = target / folder_of(first, last)
    folder.mkdir(parents=True)
    files = {EVENTS: FileFacts(bytes=0, rows=manifest.events, sha256="0" * 64)}
    for kind in KINDS:
        if kind != EVENTS:
            sealed = source.readable(f"{folder_of(manifest.first, manifest.last)}/{file_of(kind)}")
            rows = write(duck, _rows(kind, sealed, shop), folder / file_of(kind))
            size, digest = Place(str(folder)).measure(file_of(kind))
            files[kind] = FileFacts(bytes=size, rows=rows, sha256=digest)
    changes = {
        "content": _no_tree(last),
        "files": files,
        "first": first,
        "last": last,
        "log": _no_tree(last),
        "previous": previous,
    }
    state = manifest.model_copy(update=changes).encode()
    (folder / MANIFEST).write_bytes(state)
    return hash_of(state)


def _rows(kind: str, sealed: str, shop: _Shop) -> str:
    """SELECT of a shop's rows of a kind."""
    quoted = sealed.replace("'", "''")
    table = f"read_parquet('{quoted}')"
    if kind == "plans":
        return f"FROM {table} WHERE {shop.number} = 0"
    columns = _SHIFTED[kind].format(at=shop.at, members=shop.members, mark=shop.mark)
    return f"SELECT {columns} FROM {table}"  # noqa: S608  # our own columns and path


def _no_tree(size: int) -> TreeFacts:
    """A tree of that size over nothing."""
    return TreeFacts.of(RootBuilder(size, [sha256(b"nothing").digest()] * size.bit_count()))
