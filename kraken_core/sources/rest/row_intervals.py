"""Whether the rows of an answer are of the interval that was requested: else it is refused, and requested again.

Where the exchange, or a cache before it, answers candles of another interval, some of them open slots of the requested
one too, and would pass for its candles, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from kraken_core.domain.exchange import venue_of
from kraken_core.domain.labels import coarser_content
from kraken_core.domain.market import Series
from kraken_core.sources.rest.failures import NoAnswerError, nonsense

_MANY = 12  # rows that are shifted alike: more than go wrong one by one


def other_interval() -> NoAnswerError:
    """What is raised where rows are of another interval."""
    return nonsense("candles of another interval")


def in_step(times: Sequence[int | None], width: int) -> list[bool]:
    """Which rows evidently open the slots of ``width`` seconds that they name; None where that is unread.

    They have no holes but where the pair was not listed, so that a row's place in the answer follows from its slot, up
    to a shift that many rows share. Rows that are few with theirs may be of any slot; only the last one, which is still
    forming, may come after a hole. Raises NoAnswerError where rows as a whole are of another interval, or in no order.
    """
    read = [time for time in times if time is not None]
    off = sum(time % width > 0 for time in read)
    slots = [time // width if time is not None and not time % width else None for time in times]
    alike = Counter(slot - place for place, slot in enumerate(slots) if slot is not None)
    enough = max(2, min(_MANY, len(times) // 4))
    in_place, newest = [False] * len(times), -1
    for place, slot in enumerate(slots):
        if slot is not None and slot > newest and (alike[slot - place] >= enough or place == len(times) - 1):
            in_place[place], newest = True, slot
    is_odd = len(read) > 2 and sum(in_place) * 2 < len(read)  # noqa: PLR2004 - two may have a hole between them
    if is_odd and not off and read != sorted(set(read)):
        raise nonsense("candles in no order")
    if is_odd or off * 2 >= max(len(read), 1):
        raise other_interval()
    return in_place


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
