"""How many candles of a file open before an instant, by reading only those that may lie on the wrong side of it.

A slot has one candle at most, so no more of them lie between the first candle of a pair and an instant than there
are slots. Instants that a count needs are mostly close to the first or the last candle of a pair: then some rows at its
ends show as much as all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.market import Pair
from kraken_core.ports import CandleSpan
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.file_names import checksum_in
from kraken_core.stores.files.row_slices import NEAR
from kraken_core.stores.files.spans import US, times_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class _Ends(NamedTuple):
    """Rows of a pair: the first ``head`` and the last ``tail`` of them show where its bounds lie."""

    begin: int  # of the pair in the file
    end: int
    head: int
    tail: int
    by_head: NDArray[np.bool_]  # which bounds the first rows show; the last ones show the others

    @property
    def pieces(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first rows and the last ones, as rows of the file."""
        return (self.begin, self.begin + self.head), (self.end - self.tail, self.end)


def rows_before(
    files: CandleFiles, path: str, interval: int, spans: Mapping[Pair, CandleSpan], bounds: Mapping[Pair, Ints]
) -> Mapping[Pair, Ints]:
    """How many candles of each pair open before each of its bounds (rising, microseconds). Raises StoreError."""
    far_apart = any(spans[pair].candles > NEAR for pair in bounds)  # else what lies between ends is read with them
    here = checksum_in(path) is not None and not files.place.polars_options  # elsewhere every read is a wait
    found = _by_ends(files, path, interval * 60 * US, spans, bounds) if far_apart and here else None
    if found is None:
        opens = files.opens(path, interval, spans, bounds.keys())
        found = {pair: times.searchsorted(bounds[pair]) for pair, times in opens}
    return found


def _by_ends(
    files: CandleFiles, path: str, width: int, spans: Mapping[Pair, CandleSpan], bounds: Mapping[Pair, Ints]
) -> dict[Pair, Ints] | None:
    """The same of a file of ours; None where it is not as its spans state."""
    ends = dict(zip(spans, accumulate(span.candles for span in spans.values()), strict=True))
    needed = {pair: _ends(ends[pair], spans[pair], width, of_pair) for pair, of_pair in bounds.items()}
    times = _times(files, path, {piece for each in needed.values() for piece in each.pieces})
    found: dict[Pair, Ints] = {}
    for pair, each in needed.items():
        span = spans[pair]
        head, tail = (times[piece] for piece in each.pieces)
        whole = len(head) == each.head and len(tail) == each.tail and _ascend(head, width) and _ascend(tail, width)
        if not whole or (head[0], tail[-1]) != (span.first * US, span.last * US):
            return None
        behind = span.candles - each.tail + tail.searchsorted(bounds[pair])
        found[pair] = np.where(each.by_head, head.searchsorted(bounds[pair]), behind)
    return found


def _times(files: CandleFiles, path: str, pieces: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Ints]:
    """When the candles in pieces of a file open; those that lie near each other are read at once."""
    slices: list[list[tuple[int, int]]] = []
    reached = -NEAR
    for begin, end in sorted(pieces):
        if begin > reached + NEAR or not slices:
            slices.append([])
        slices[-1].append((begin, end))
        reached = max(reached, end)
    found = {}
    for near in slices:
        first = near[0][0]
        times = times_of(files.slice(path, first, max(end for _, end in near), ["time"]))
        found.update({(begin, end): times[begin - first : end - first] for begin, end in near})
    return found


def _ascend(times: Ints, width: int) -> bool:
    """Whether no slot has two rows."""
    return bool((np.diff(times) >= width).all())


def _ends(end: int, span: CandleSpan, width: int, bounds: Ints) -> _Ends:
    """Which rows of a pair that ends before row ``end`` have to be read: those that may open on the wrong side."""
    before = np.clip(-((span.first * US - bounds) // width), 0, span.candles)
    behind = np.clip((span.last * US - bounds) // width + 1, 0, span.candles)
    by_head = before <= behind
    # The first and the last row of all, too, as they show whether the file is what it was.
    head, tail = (int(rows.max(initial=1)) for rows in (before[by_head], behind[~by_head]))
    return _Ends(end - span.candles, end, head, tail, by_head)
