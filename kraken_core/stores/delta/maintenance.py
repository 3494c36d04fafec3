"""The care of a candle table: merging its small files, deleting what it does not need, proving it whole.

None of it changes the table's content. A crash anywhere leaves at most files that no version names, for the next
vacuum; and readers and writers meanwhile wait no longer than one commit takes.

A file may be on disk and not in the table for three reasons: it is about to be committed, it never will be because its
writer died, or it left the table. Younger than a day, the first two cannot be distinguished. What left the table is
kept for a week, for readers of that moment and for going back to an earlier version.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from operator import add
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import ClassVar

from kraken_core.domain.errors import CommitConflictError, StoreError
from kraken_core.domain.market import Series
from kraken_core.domain.table_mark import KnownTable, TableMark, nothing_known
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Compaction, Fragmentation, KeepReplaced, SavedTable, StagedFile, TableCheck, Vacuumed
from kraken_core.stores.delta.compaction import Group, groups, merge
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.delta.log import ActiveFile, DeltaLog, is_table
from kraken_core.stores.delta.mending import mend_log
from kraken_core.stores.delta.saving import save_table
from kraken_core.stores.delta.verify import damages
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.location import Location
from kraken_core.stores.files.open_location import open_location
from kraken_core.stores.files.row_slices import RowSlices
from kraken_core.stores.files.uncommitted import UNCOMMITTED_KEPT_S, written_before

_REMOVED_KEPT_S = 7 * 24 * 3600
_TRIES = 3  # of a commit that others overtake


class DeltaMaintenance:
    """A process's view of a candle table, and its maintenance; see Maintainable."""

    _kind_of_files: ClassVar[type[CandleFiles]] = CandleFiles

    def __init__(
        self,
        table: str | Path | Location,
        version: int | None = None,
        known: KnownTable = nothing_known,
        keep: KeepReplaced | None = None,
    ) -> None:
        place = open_location(table) if isinstance(table, (str, Path)) else table
        self._files = self._kind_of_files(place)
        self._slices = RowSlices(self._files)
        self._log = DeltaLog(place, version, known, self._files.form)
        self._keep = keep  # what commits replace
        self._index = FileIndex()
        self._lock = Lock()  # guards log and index; candles are read and written outside of it

    @property
    def version(self) -> int:
        """The newest version; 0 while nothing was ever committed."""
        with self._lock:
            self._refresh()
            return self._log.version

    @property
    def mark(self) -> TableMark:
        """What the table is known by, as of its newest version. The identity is the one that the log gives it."""
        with self._lock:
            self._log.refresh()
            return self._log.mark

    def keeps(self, version: int) -> bool:
        """Whether everything in the table at a version is still there."""
        try:
            then = self._at(version)
            with store_errors("look for", self._files.place):
                return all(self._files.place.size(path) == file.size for path, file in then.items())
        except StoreError:
            return False

    def _at(self, version: int) -> Mapping[str, ActiveFile]:
        """The files of a version; at 0 there are none, nor need there be a table."""
        return DeltaLog(self._files.place, version, form=self._files.form).refresh() if version else {}

    def _way_back(self, version: int) -> tuple[list[StagedFile], set[str]]:
        """What joins and what leaves the table so that it is as at a version. Raises StoreError."""
        then, active = self._at(version), self._refresh()
        back = [
            StagedFile(path, then[path].interval, then[path].size, *self._files.footer(path))
            for path in sorted(then.keys() - active.keys())
        ]
        return back, active.keys() - then.keys()

    def fragmentation(self) -> list[Fragmentation]:
        """See Maintainable."""
        with self._lock:
            active = self._refresh()
            found = list(groups(self._index))
        files, sizes = Counter[int](), Counter[int]()
        for group in found:
            files[group.interval] += len(group.paths)
            sizes[group.interval] += sum(active[path].size for path in group.paths)
        return [Fragmentation(interval, files[interval], sizes[interval]) for interval in sorted(files)]

    def compact(self, stop: Callable[[], bool]) -> Compaction:
        """See Maintainable. Each merge is a commit of its own; a checkpoint of the log comes last."""
        with self._lock:
            self._refresh()
            found = list(groups(self._index))
        done = Compaction()
        for group in found:
            if stop():
                break
            done = Compaction(*map(add, done, self._merge(group)))
        if done.merged:
            with self._lock:
                self._log.refresh()
                self._log.checkpoint()
        return done

    def vacuum(self, now: int) -> Vacuumed:
        """See Maintainable. Never committed: older than a day. Left the table: more than a week ago.

        Entries of the log that Delta keeps no longer go as well.
        """
        candidates = written_before(self._files.place, now - UNCOMMITTED_KEPT_S, self._files.form.partition)
        with self._lock:  # only now, so that whatever was committed while the folders were listed is needed
            active = self._log.refresh()
            if not self._log.exists:  # then what is needed is unknown
                return Vacuumed()
            removed = self._log.removed_since(now - _REMOVED_KEPT_S)
            self._log.forget_expired()
        # By name: names are unique, and a log may spell folders otherwise.
        needed = removed | {PurePosixPath(path).name for path in active}
        needless = [file for file in candidates if PurePosixPath(file.path).name not in needed]
        self._files.remove(file.path for file in needless)
        return Vacuumed(len(needless), sum(file.size for file in needless))

    def verify(self, ranges: Mapping[Series, TimeRanges] | None = None) -> TableCheck:
        """See Maintainable. Of the version of this moment. What a file has is known by its footer."""
        with self._lock:
            active = self._log.refresh()
            chosen = active if ranges is None else self._reaching(active, ranges)
        found = damages(self._files, {path: active[path] for path in chosen}, ranges)
        return TableCheck(tuple(found), len(chosen), len(active) - len(chosen))

    def _reaching(self, active: Mapping[str, ActiveFile], ranges: Mapping[Series, TimeRanges]) -> Collection[str]:
        """The files that may have candles in the ranges: all, where it is not known of each what it has."""
        try:
            self._refresh()
        except StoreError:
            return active
        return self._index.holding(ranges).keys() & active.keys()

    def mend_log(self, aside: Path) -> list[str]:
        """See Mendable."""
        return mend_log(self._files.place, aside)

    def damaged(self, among: Collection[str] | None = None) -> list[str]:
        """See Mendable. Files of earlier versions carry no checksum: of them only their bytes are counted."""
        with self._lock:
            active = self._log.refresh()
        chosen = active if among is None else active.keys() & set(among)
        return [path for path in sorted(chosen) if not self._files.is_whole(path, active[path].size)]

    def discard(self, paths: Collection[str]) -> None:
        """See Mendable."""
        with self._lock:
            active = self._log.refresh()
            if gone := sorted(active.keys() & set(paths)):
                self._log.commit([], gone)

    def save(self, version: int, folder: Path, done: Callable[[int, int], None]) -> SavedTable:
        """See Savable. Files that left the table within a week come along: to undo a job takes them."""
        if not is_table(self._files.place):
            return SavedTable()
        log = DeltaLog(self._files.place, version, form=self._files.form)
        active = log.refresh()
        left = log.removed_since(int(time.time()) - _REMOVED_KEPT_S)
        return save_table(self._files.place, version, active, left, folder=folder, done=done)

    def _merge(self, group: Group) -> Compaction:
        merged = merge(self._files, group)
        if self._replace(group, merged):
            return Compaction(len(group.paths), 1, sum(span.candles for span in merged.spans.values()))
        self._files.remove([merged.path])
        return Compaction(overtaken=1)

    def _replace(self, group: Group, merged: StagedFile) -> bool:
        """Commit a merge, unless one of its files left the table; returns whether it is part of the table now."""
        for _ in range(_TRIES):
            with self._lock:
                active = self._refresh()
                if merged.path in active or not active.keys() >= set(group.paths):
                    break
                with suppress(CommitConflictError):  # it may have landed all the same, and only the answer been lost
                    self._log.commit([merged], group.paths, data_change=False)
        with self._lock:
            return merged.path in self._refresh()

    def _refresh(self, *, create: bool = False) -> Mapping[str, ActiveFile]:
        active = self._log.refresh(create=create)
        gone = self._index.paths - active.keys()
        for path in gone:
            self._index.discard(path)
        self._slices.forget(gone)
        for path in active.keys() - self._index.paths:
            spans, has_vwap = self._files.footer(path)
            self._index.add(path, active[path].interval, spans, has_vwap=has_vwap)
        return active
