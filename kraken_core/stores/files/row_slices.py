"""Candles read as slices of rows: of a file sorted by pair and time only what a range needs is decoded.

In which rows a pair lies follows from the spans of the file. Within them *signposts*, the times of every so manieth
row, show where a range lies; they are read once for each pair of a file, which never changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import KEY, chosen
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.slices import picked
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleSpan
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.file_names import checksum_in
from kraken_core.stores.files.ranges import in_ranges
from kraken_core.stores.files.spans import US, times_of
from kraken_core.stores.files.table_form import PARTITION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

STEP = 1_024  # rows from one signpost to the next
FEW = 8 * STEP  # rows that are read sooner than signposts
# Measured: to begin another slice of a file takes 0.6 ms, and so do 30,000 rows in between.
NEAR = 32 * STEP
# Measured on 500 pairs of 1,700 candles, of each a day of four years: looking for rows takes 60 ms, slices take 90.
MANY, RARE = 200_000, 16
REMEMBERED = 50_000  # pairs of files whose signposts are kept: 2 kB for each million candles of one

Layout = Mapping[Pair, CandleSpan]


class Signposts(NamedTuple):
    """Rows of a pair in a file, from 0, the first and the last among them, and when their candles open (µs)."""

    rows: Ints
    times: Ints

    def around(self, window: TimeRange) -> tuple[int, int]:
        """Two signposts with all candles of a window between them: the first and the last row to be read."""
        start = int(np.searchsorted(self.times, window.start * US, side="right")) - 1
        end = int(np.searchsorted(self.times, window.end * US))
        return max(start, 0), min(end, len(self.times) - 1)


class RowPiece(NamedTuple):
    """Rows ``begin`` up to ``end`` of a file: a pair's, with all its candles of some ranges; and what they must be."""

    begin: int
    end: int
    first: int  # opens of the first and the last of these rows, in microseconds
    last: int
    series: Series
    window: TimeRange  # the hull of the ranges


class RowSlices:
    """Reads slices of files. Thread-safe: what it remembers is true for ever, of files that never change."""

    def __init__(self, files: CandleFiles) -> None:
        self._files = files
        self._begins: dict[str, dict[Pair, int]] = {}
        self._signposts: dict[tuple[str, Pair], Signposts] = {}

    def forget(self, paths: Iterable[str]) -> None:
        """Remember nothing of files that left the table: where there is a commit a minute, that would be all memory."""
        for path in paths:
            for pair in self._begins.pop(path, ()):
                self._signposts.pop((path, pair), None)

    def rows(
        self,
        layouts: Mapping[str, Layout],
        ranges: Mapping[str, Mapping[Series, TimeRanges]],
        columns: Collection[str],
    ) -> pl.DataFrame | None:
        """The rows in the ranges of each file, all of one interval, sorted by pair and time, as CandleFiles.rows.

        None where a file may not be as its name and spans state, or slices would hold little of what is needed: rows
        have to be looked for then. Raises StoreError.
        """
        if not all(checksum_in(path) is not None for path in ranges):
            return None
        wanted = {series: of_series for of_file in ranges.values() for series, of_series in of_file.items()}
        several, interval = len(wanted) > 1, next(iter(wanted)).interval
        read = [name for name in columns if name != PARTITION and (several or name != "pair")]
        places = {path: self._pieces(path, layouts[path], of_file) for path, of_file in ranges.items()}
        if None in places.values() or _is_wasteful(places.values()):
            return None
        found = []
        for path, pieces in places.items():
            for near in _near(sorted(pieces or ())):
                frame = _cut(self._files.slice(path, near[0].begin, near[-1].end, read), near, ranges[path])
                if frame is None:
                    return None
                found.append(frame)
        known = {PARTITION: pl.lit(interval, pl.Int32).alias(PARTITION)}
        if not several:
            known["pair"] = pl.lit(str(next(iter(wanted)).pair), pl.String).alias("pair")
        frames = [frame.select(*(known.get(name, name) for name in columns)) for frame in found if frame.height]
        if not frames:
            return pl.DataFrame(schema=chosen(columns))
        return frames[0] if len(frames) == 1 else _in_order(frames, wanted, interval)

    def _pieces(self, path: str, layout: Layout, ranges: Mapping[Series, TimeRanges]) -> list[RowPiece] | None:
        """Where the ranges lie in a file; None where it is not as its spans state."""
        begins, pieces = self._begins.get(path), []
        if begins is None:
            ends = accumulate(span.candles for span in layout.values())
            begins = {pair: end - layout[pair].candles for pair, end in zip(layout, ends, strict=True)}
            self._begins[path] = begins
        for series, wanted in ranges.items():
            span = layout[series.pair]
            posts = self._posts(path, series, begins[series.pair], span, wanted.hull)
            if posts is None:
                return None
            start, end = posts.around(wanted.hull)
            begin = begins[series.pair]
            rows, times = posts.rows, posts.times
            bounds = int(rows[start]) + begin, int(rows[end]) + begin + 1
            pieces.append(RowPiece(*bounds, int(times[start]), int(times[end]), series, wanted.hull))
        return pieces

    def _posts(self, path: str, series: Series, begin: int, span: CandleSpan, window: TimeRange) -> Signposts | None:
        """The signposts of a series in a file: its ends only, where it is short, or nearly all of it is wanted."""
        ends = Signposts(np.array([0, span.candles - 1]), np.array([span.first * US, span.last * US]))
        outside = max(window.start - span.first, 0) + max(span.last + series.width - window.end, 0)
        if span.candles <= FEW or outside <= FEW * series.width:
            return ends
        posts = self._signposts.get((path, series.pair))
        if posts is None:
            times = times_of(self._files.slice(path, begin, begin + span.candles, ["time"]))
            if len(times) != span.candles or (times[0], times[-1]) != (ends.times[0], ends.times[1]):
                return None
            rows = np.append(np.arange(0, span.candles - 1, STEP), span.candles - 1)
            if len(self._signposts) >= REMEMBERED:
                self._signposts.clear()
            self._signposts[path, series.pair] = posts = Signposts(rows, times[rows])
        return posts


def _is_wasteful(places: Iterable[Sequence[RowPiece] | None]) -> bool:
    """Whether slices would hold many rows for few that are wanted, as far as spans show."""
    read, wanted = 0, 0.0
    for pieces in places:
        for begin, end, first, last, _, window in pieces or ():
            read += end - begin
            share = (min(window.end * US, last) - max(window.start * US, first)) / max(last - first, 1)
            wanted += (end - begin) * max(share, 0)
    return read > MANY and read > RARE * wanted


def _near(pieces: Sequence[RowPiece]) -> Iterator[list[RowPiece]]:
    """Pieces that are read as one slice, with what is between them."""
    near: list[RowPiece] = []
    for piece in pieces:
        if near and piece.begin > near[-1].end + NEAR:
            yield near
            near = []
        near.append(piece)
    if near:
        yield near


def _cut(rows: pl.DataFrame, pieces: Sequence[RowPiece], ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame | None:
    """Of the slice that begins with the first piece the rows in the ranges; None where a piece is not what it was."""
    times, offset = times_of(rows), pieces[0].begin
    begins, ends = [], []
    for piece in pieces:
        part = times[piece.begin - offset : piece.end - offset]
        if len(part) != piece.end - piece.begin or (part[0], part[-1]) != (piece.first, piece.last):
            return None
        cuts = np.searchsorted(part, np.array(ranges[piece.series].bounds, dtype=np.int64) * US)
        begins.append(cuts[::2] + (piece.begin - offset))
        ends.append(cuts[1::2] + (piece.begin - offset))
    return picked(rows, np.concatenate(begins), np.concatenate(ends))


def _in_order(frames: list[pl.DataFrame], ranges: Mapping[Series, TimeRanges], interval: int) -> pl.DataFrame:
    """Frames that are each sorted by pair and time as one."""
    ends = sorted((frame.select(*KEY).row(0), frame.select(*KEY).row(-1), at) for at, frame in enumerate(frames))
    rows = pl.concat([frames[at] for _, _, at in ends])
    apart = all(before[1] < after[0] for before, after in pairwise(ends))
    return rows if apart else in_ranges(rows, ranges, interval)
