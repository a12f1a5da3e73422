"""The log's tree: integrated, signed, hashed alone, and one event proven in a large one."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.measure import Done, Job, Watch, expect, memory_mb, percentile
from ledger.application import Ledger
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder, read_states
from ledger.tree.hashing import RootBuilder, leaf_hashes
from ledger.tree.proofs import inclusion_proof, root_hash, verify_inclusion
from ledger.tree.signer import nothing_signed
from ledger.tree.tile_hashes import TileBuilder
from projections.checkpoint import begin, put
from projections.heads import head_to_sign
from projections.tree import NAME, Integrator, hash_reader, hash_reader_of, put_tiles, tree_size

ORIGIN = "benchmark.example/log"
SEED = 1


def tree(job: Job, watch: Watch) -> Done:
    """`refledger worker run --once --projections tree`: from nothing to the head."""
    with closing(Ledger(job.log)) as ledger:
        head, memory = ledger.log.head(), list[float]()
        with watch, collection_paused(), closing(Integrator(ledger.log)) as integrator:
            while integrator.step(job.batch_size):
                memory.append(memory_mb())
        with ledger.log.reading() as session:
            size = tree_size(session)
            root = root_hash(hash_reader(session, size), size)
        expect("root", found=(size, root), wanted=(head, _root(ledger.log)))
    third = -(-len(memory) // 3)
    figures = {"memory_first_third_mb": max(memory[:third]), "memory_last_third_mb": max(memory[-third:])}
    return Done(events=head, figures=figures)


def sign(job: Job, watch: Watch) -> Done:
    """What `refledger head sign --first` does before it signs: the root of all events, against the tiles."""
    with closing(Ledger(job.log)) as ledger:
        with watch:
            head = head_to_sign(ledger.log, nothing_signed(ORIGIN), lambda _: None)
        expect("events", found=head.size, wanted=ledger.log.head())
        return Done(events=head.size)


def limit(job: Job, watch: Watch) -> Done:
    """Leaf hashes and tiles of the same entries, from memory into memory: nothing is read and nothing kept."""
    builder = TileBuilder()
    with closing(Ledger(job.log)) as ledger:
        for states in _states(ledger.log, job):
            with watch:
                builder.extend(leaf_hashes(states))
        expect("root", found=builder.root(), wanted=_root(ledger.log))
    return Done(events=builder.size)


def peer(job: Job, watch: Watch) -> Done:
    """The same entries through `tlog-scales`, into files in the same batches; it keeps the entries there as well."""
    # Not for the other cases to load.
    from tlog_scales.writer import TilesWriter  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    with closing(Ledger(job.log)) as ledger, tempfile.TemporaryDirectory(prefix="refledger-benchmark-") as folder:
        writer: Any = TilesWriter.create(Path(folder) / "log", ORIGIN)
        for states in _states(ledger.log, job):
            with watch:
                for state in states:
                    writer.add_leaf(state)
                writer.commit([], gc=False)
        expect("root", found=writer.reader.calculate_root_hash(), wanted=_root(ledger.log, writer.size))
        return Done(events=writer.size)


def one_proof(job: Job, watch: Watch) -> Done:
    """An inclusion proof from the tiles of many leaves; each in a transaction of its own, with nothing remembered.

    The tiles are made straight from hashes of numbers: there are no events behind them.
    """
    times_ms, size = list[float](), job.upto
    chance = random.Random(SEED)  # noqa: S311  # not a secret
    with closing(Ledger(job.log)) as ledger:
        root = _fill(ledger.log, size)
        for _ in range(job.count):
            index = chance.randrange(size)
            started = time.perf_counter()
            with watch, ledger.log.reading() as session:
                path = inclusion_proof(hash_reader_of(session, size, index), index=index, size=size)
            times_ms.append((time.perf_counter() - started) * 1_000)
            verify_inclusion(path, leaf=_number_hash(index), index=index, size=size, root=root)
    figures = {"p50_ms": percentile(times_ms, 50), "p99_ms": percentile(times_ms, 99), "max_ms": max(times_ms)}
    return Done(events=job.count, figures=figures)


def _states(log: LogRecorder, job: Job) -> Iterator[list[bytes]]:
    """Stored bytes in batches."""
    last = min(job.upto, log.head())
    for after in range(0, last, job.batch_size):
        with log.reading() as session:
            states = read_states(session, after, min(last, after + job.batch_size))
        yield states


def _root(log: LogRecorder, size: int | None = None) -> bytes:
    """Of the first events, or of all, another way."""
    root = RootBuilder()
    for row in log.read(upto=size or log.head()):
        root.add(row.state)
    return root.root()


def _fill(log: LogRecorder, size: int) -> bytes:
    """Keeps the tiles of so many leaves; returns their root."""
    builder = TileBuilder()
    for start in range(0, size, 100_000):
        tiles = builder.extend([_number_hash(index) for index in range(start, min(size, start + 100_000))])
        with log.writing() as session:
            put_tiles(session, tiles)
    with log.writing() as session:
        begin(session, NAME)
        put(session, NAME, size)
    return builder.root()


def _number_hash(index: int) -> bytes:
    return sha256(index.to_bytes(8, "big")).digest()
