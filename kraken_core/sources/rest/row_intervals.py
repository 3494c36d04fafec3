"""Whether the rows of an answer are of the interval that was requested: else it is refused, and requested again.

Where the exchange, or a cache before it, answers candles of another interval, some of them open slots of the requested
one too, and would pass for its candles, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from kraken_core.domain.exchange import venue_of
from kraken_core.domain.labels import coarser_content
from kraken_core.domain.market import Series
from kraken_core.sources.rest.failures import NoAnswerError, nonsense


def other_interval() -> NoAnswerError:
    """What is raised where rows are of another interval."""
    return nonsense("candles of another interval")


def shows_interval(times: Sequence[int | None], width: int) -> bool:
    """Whether rows show that they are of slots of ``width`` seconds, by when they open; None where that is unread.

    They have no holes but where the pair was not listed, so that two neighbours follow each other somewhere. Of two
    rows with a hole between them nothing is known. Raises NoAnswerError where they show that they are of others.
    """
    if any(time % width for time in times if time is not None):
        raise other_interval()
    steps = [after - before for before, after in pairwise(times) if before is not None and after is not None]
    is_coarser = bool(steps) and min(steps) > width
    if is_coarser and len(steps) > 1:
        raise other_interval()
    return not is_coarser


def refuse_coarser(times: Sequence[int], moved: Sequence[bool], series: Series) -> None:
    """Raises NoAnswerError where rows, oldest first, are evidently of a coarser interval than the series.

    Where slots without trades have rows, as soon as they follow each other in the slots of another one. Where they have
    none, as a file's rows: once it would be chance less often than 1e-9 that all of them open coarser slots, and each
    has several trades, as prices ``moved`` within it.
    """
    venue = venue_of(series.pair)
    least = min((after - before for before, after in pairwise(times)), default=0)
    is_whole = venue.quiet_rows and len(times) > 2 and least > series.width  # noqa: PLR2004 - two may have a hole between them
    if is_whole and least // 60 in venue.intervals and not any(time % least for time in times):
        raise other_interval()
    if coarser_content(np.array(times, dtype=np.int64), np.where(moved, 2, 1), series.interval):
        raise other_interval()
