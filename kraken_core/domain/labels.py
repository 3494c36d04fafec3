"""Whether candles are of the interval in their file's name (domain rule 4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.market import INTERVALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_CHANCE = 1e-9  # a file is refused where its times would be chance less often than that
_BUSY = 2.0  # trades a row, on average: fewer may come from one trader who trades once an hour, on the hour
_HEAD = 64  # rows that show it of most files
_FINER_SHARE = 4  # one row in so many inside slots of the named interval is no damage any more
_FINER_ROWS = 2  # nor are so many rows that open whole minutes


def coarser_content(times: Ints, trades: Ints, interval: int) -> int | None:
    """The interval (minutes) whose candles these must be, though the name has a finer one; None where unclear.

    ``times`` are the opens of one file's rows in epoch seconds, ``trades`` their counts. Every candle of a sparse
    pair may open at the start of a coarser slot by chance, where all that was traded in it fell into its first part:
    with probability (interval / coarser) ** candles, were trades as likely in each part. That has to be below 1e-9;
    and there have to be two trades a candle at least, as a pair may have none but those that one trader makes by the
    clock, one a time.
    """
    coarser = [each for each in INTERVALS if each > interval]
    if not coarser or len(times) < _fewest(interval, coarser[-1]) or (times[:_HEAD] % (coarser[0] * 60)).any():
        return None
    found = None
    for each in coarser:  # each of the eight divides the next one
        if (times % (each * 60)).any():
            break
        found = each
    if not found or len(times) < _fewest(interval, found):
        return None
    traded = trades[trades > 0]
    return found if len(traded) and float(np.mean(traded)) >= _BUSY else None


def finer_content(inside: int, on_minutes: int, rows: int) -> bool:
    """Whether the rows are of a finer interval than named: ``inside`` of ``rows`` good ones do not open its slots.

    A damaged digit makes one such time, hardly ever that of a whole minute (``on_minutes`` do); candles of half the
    interval, every second one.
    """
    return on_minutes >= _FINER_ROWS or (on_minutes > 0 and inside * _FINER_SHARE >= rows)


def chance(interval: int, coarser: int, rows: int) -> str:
    """How likely it is by chance that so many candles open at the start of coarser slots: ``1 in 10^120``."""
    return f"1 in 10^{math.floor(rows * math.log10(coarser / interval))}"


def _fewest(interval: int, coarser: int) -> int:
    """With fewer candles it may be chance."""
    return math.ceil(math.log(_CHANCE) / math.log(interval / coarser))
