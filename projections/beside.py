"""What a rebuild asks of a store: room for a new version of the projection's tables beside the live ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from ledger.errors import RefusedError
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session

PACKAGES = ("projections",)

# How far the live tables are is no part of them, nor who keeps them or which migrations are applied: these stay. The
# tree is another projection.
KEPT = frozenset({"checkpoint", "migration", "projection_status", "tree_tile"})


class RebuildingError(RefusedError):
    """Another rebuild of the same store is at work."""

    code = "rebuilding"
    can_retry = True


class TablesInUseError(RefusedError):
    """Readers hold the live tables; the same swap may succeed a moment later."""

    code = "tables_in_use"
    can_retry = True


class Beside(ABC):
    """A new version of the projection's tables, beside the live ones of the same store.

    It outlives the process: what an interrupted rebuild has filled is there for the next one.

    store  projecting into it fills the new version
    """

    store: LogRecorder

    @abstractmethod
    def make(self) -> bool:
        """Makes the new version's tables, as this program's migrations say, unless they are there.

        Returns:
            Whether they are as good as new: False for those of another version of the program.
        """

    @abstractmethod
    def drop(self) -> None:
        """Removes the new version."""

    @abstractmethod
    def paused(self) -> AbstractContextManager[Session]:
        """A transaction during which the live projection stands still; appends and readers go on.

        On SQLite, which has one writer, appends wait as well.
        """

    @abstractmethod
    def comparing(self) -> AbstractContextManager[tuple[Session, str]]:
        """A reader that finds the new tables by their names, and the live ones as the second value, a dot, the name."""

    @abstractmethod
    def analyse(self) -> None:
        """Lets the planner know the new tables."""

    @abstractmethod
    def swap(self) -> None:
        """Puts the new tables in place of the live ones, in the transaction of `paused`.

        Raises:
            TablesInUseError: readers did not let go of them in time.
            RefusedError: this role may not.
        """

    @abstractmethod
    def close(self) -> None:
        """Closes every connection and lets others rebuild."""
