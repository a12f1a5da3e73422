"""The machine the figures are from."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import gettempdir

import psutil

from benchmarks.engines import Engine

CPU_INFO = Path("/proc/cpuinfo")
PACKAGES = ("eventsourcing", "psycopg", "pydantic", "duckdb", "pyspark")


def facts(engines: Sequence[Engine]) -> dict[str, str]:
    """What must be known to judge the figures, as a name and a text each."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "disk": f"{_file_system(Path(gettempdir()).resolve())} at {gettempdir()}",
        "system": platform.platform(),
        # How an interpreter was built makes a fifth of a difference, and it cannot be asked: only where it is from.
        "python": ", ".join(
            [f"{platform.python_version()} of {sys.base_prefix}", *[f"{name} {_version(name)}" for name in PACKAGES]]
        ),
        **{engine.store: engine.settings() for engine in engines},
        "load before": load(),
    }


def load() -> str:
    """Load averages over 1, 5 and 15 minutes: ours, and whatever else runs."""
    return " ".join(f"{average:.1f}" for average in os.getloadavg())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    lines = CPU_INFO.read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(path: Path) -> str:
    """The type of the file system a path is on."""
    mounts = {partition.mountpoint: partition.fstype for partition in psutil.disk_partitions(all=True)}
    return next(mounts[str(place)] for place in (path, *path.parents) if str(place) in mounts)
