"""What a commit to a Delta table replaces: see domain/revisions.py.

Found beside the merge, from what that finds anyway. Files whose candles lie where nothing is stored cost nothing, nor
do those that repeat what is stored; only of series with something new, or with other values, are rows read again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import polars as pl

from kraken_core.domain.market import Series
from kraken_core.domain.revisions import ALL_VISIBLE, SLOT, Replacement, ranges_of, replacement
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.ports import StagedFile
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.files.candle_files import ROW, CandleFiles
from kraken_core.stores.files.spans import pair_of

AT_ONCE = 2_000_000  # candles compared at once: bounds the memory
_NOTHING = TimeRanges()


class ReplacedRows:
    """Follows the files that a commit takes, and the rows that lose their slot."""

    def __init__(self, files: CandleFiles, stored: FileIndex) -> None:
        self._files = files
        self._stored = stored
        self._new: dict[Series, list[tuple[int, int]]] = defaultdict(list)  # where taken files meet nothing stored
        self._taken: dict[str, dict[Series, TimeRanges]] = defaultdict(dict)  # where they may meet something
        self._changing: dict[str, dict[Series, int]] = defaultdict(dict)  # how many candles of these change something
        self._losing: dict[str, dict[Series, TimeRanges]] = defaultdict(dict)  # where rows of stored files lost
        self._alike: dict[str, list[pl.Series]] = defaultdict(list)  # which of them to their like
        self._chained = False  # whether taken files met each other: then who lost to whom is looked at row by row

    def takes(self, file: StagedFile, contested: Collection[Series]) -> None:
        """A file joins, which may meet candles in the contested series."""
        for pair, span in file.spans.items():
            series = Series(pair, file.interval)
            hull = span.first, span.last + series.width
            if series in contested:
                self._taken[file.path][series] = TimeRanges.single(*hull)
                self._changing[file.path][series] = span.candles
            else:
                self._new[series].append(hull)

    def meets(self, file: StagedFile, rival: str, met: pl.DataFrame) -> None:
        """Candles of a file that joins met those of a rival: ``pair``, ``wins``, ``unlike``, ``row_stored``."""
        if rival not in self._stored.paths:
            self._chained = True
            return
        unchanging = met.filter(~pl.col("unlike"))
        self._alike[rival].append(unchanging.filter("wins")[f"{ROW}_stored"])
        for name, count in unchanging.group_by("pair").len().iter_rows():
            self._changing[file.path][Series(pair_of(name), file.interval)] -= count

    def loses(self, path: str, where: Mapping[Series, TimeRanges]) -> None:
        """Rows of a file, somewhere in the ranges, lose their slots."""
        if path in self._stored.paths:
            of_file = self._losing[path]
            for series, ranges in where.items():
                of_file[series] = of_file.get(series, _NOTHING) | ranges

    def result(self, lost: Mapping[str, pl.Series]) -> Replacement:
        """What is replaced; ``lost`` are the numbers of the rows that lost their slot, by file."""
        beside = {series: TimeRanges.of(spans) for series, spans in self._new.items()}
        if not self._losing and not any(self._changed()):
            return Replacement(beside, pl.DataFrame(schema=ALL_VISIBLE))
        gone = [self._gone(path, lost[path]) for path in self._losing]
        came = [self._rows(path, taken, ALL_VISIBLE, without=lost.get(path)) for path, taken in self._changed()]
        before, new = (pl.concat([pl.DataFrame(schema=ALL_VISIBLE), *found]) for found in (gone, came))
        where = {series: ranges.hull for series, ranges in ranges_of(_slots(before, new)).items()}
        near = {series: TimeRanges.single(*hull) for series, hull in where.items()}
        kept = [
            self._rows(path, wanted, SLOT, without=self._unlike(path, lost))
            for path, wanted in self._stored.holding(near).items()
        ]
        found = replacement(before, new, _slots(*kept))
        ranges = {series: beside.get(series, _NOTHING) | changed for series, changed in found.ranges.items()}
        return found._replace(ranges=beside | ranges)

    def _changed(self) -> Iterator[tuple[str, dict[Series, TimeRanges]]]:
        """The taken files with series of which they may change something."""
        for path, taken in self._taken.items():
            changing = self._changing[path]
            found = {series: hull for series, hull in taken.items() if self._chained or changing[series]}
            if found:
                yield path, found

    def _gone(self, path: str, lost: pl.Series) -> pl.DataFrame:
        rows = self._unlike(path, {path: lost})
        if rows is None or rows.is_empty():
            return pl.DataFrame(schema=ALL_VISIBLE)
        found = self._files.rows([path], self._losing[path], (*ALL_VISIBLE, ROW))
        return found.filter(pl.col(ROW).is_in(rows.implode())).drop(ROW)

    def _unlike(self, path: str, lost: Mapping[str, pl.Series]) -> pl.Series | None:
        """The rows of a stored file that lost, but for those that did to their like."""
        rows, alike = lost.get(path), self._alike.get(path)
        if rows is None or self._chained or not alike:
            return rows
        return rows.filter(~rows.is_in(pl.concat(alike).implode()))

    def _rows(
        self, path: str, wanted: Mapping[Series, TimeRanges], columns: Iterable[str], *, without: pl.Series | None
    ) -> pl.DataFrame:
        rows = self._files.rows([path], wanted, (*columns, ROW))
        return (rows if without is None else rows.filter(~pl.col(ROW).is_in(without.implode()))).drop(ROW)


def _slots(*rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=ALL_VISIBLE).select(SLOT), *(each.select(SLOT) for each in rows)]).unique()


def restored(
    files: CandleFiles, stored: FileIndex, back: Sequence[StagedFile], away: Collection[str]
) -> Iterator[Replacement]:
    """What is replaced where files come back to a table, and others leave it; in parts of some series each."""
    then = FileIndex()
    for file in back:
        then.add(file.path, file.interval, file.spans)
    now = FileIndex()
    for path in away:
        now.add(path, stored.interval(path), stored.spans(path))
    for some in _parts(now, then):
        ranges = dict.fromkeys(some, TimeRanges.single(0, END_OF_TIME))
        before, new = (_visible(files, index, ranges) for index in (now, then))
        near = ranges_of(_slots(before, new))
        staying = {
            path: wanted
            for path, wanted in stored.holding({s: TimeRanges.single(*r.hull) for s, r in near.items()}).items()
            if path not in away
        }
        kept = [files.rows([path], wanted, SLOT) for path, wanted in staying.items()]
        yield replacement(before, new, _slots(*kept))


def _parts(*indexes: FileIndex) -> Iterator[list[Series]]:
    """The series of some files, so many at once as have not too many candles."""
    candles: Counter[Series] = Counter()
    for index in indexes:
        candles.update(index.by_series())
    some: list[Series] = []
    room = AT_ONCE
    for series in sorted(candles, key=lambda each: (each.interval, each)):
        if some and (series.interval != some[0].interval or candles[series] > room):
            yield some
            some, room = [], AT_ONCE
        some.append(series)
        room -= candles[series]
    if some:
        yield some


def _visible(files: CandleFiles, index: FileIndex, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
    found = [files.rows([path], wanted, ALL_VISIBLE) for path, wanted in index.holding(ranges).items()]
    return pl.concat([pl.DataFrame(schema=ALL_VISIBLE), *found])
