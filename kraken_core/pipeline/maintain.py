"""Tidy: maintenance of the candle table: files that are not needed are deleted, small ones merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import add
from typing import NamedTuple

from kraken_core.ports import Compaction, Maintainable, Vacuumed


class Tidied(NamedTuple):
    """What was done. ``lacking_bytes``: bytes that merging needs, where the disk does not have them."""

    swept: Vacuumed
    compacted: Compaction
    lacking_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Tidy:
    """Maintains the table. Its content is the same before and after, wherever it is interrupted."""

    store: Maintainable
    now: int
    room: Callable[[], int]  # bytes that merging may take
    trades: Maintainable | None = None  # a table beside it

    def run(self, stop: Callable[[], bool]) -> Tidied:
        """Sweep, then merge where it pays and there is room for it, until asked to stop. Raises StoreError."""
        done = self._run(self.store, stop)
        if self.trades is None:
            return done
        beside = self._run(self.trades, stop)
        swept, compacted = Vacuumed(*map(add, done.swept, beside.swept)), map(add, done.compacted, beside.compacted)
        return Tidied(swept, Compaction(*compacted), done.lacking_bytes + beside.lacking_bytes)

    def _run(self, store: Maintainable, stop: Callable[[], bool]) -> Tidied:
        swept = store.vacuum(self.now)
        needed = sum(each.size for each in store.fragmentation())
        if needed > self.room():
            return Tidied(swept, Compaction(), needed)
        return Tidied(swept, store.compact(stop) if needed else Compaction())
