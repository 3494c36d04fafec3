"""The OHLC endpoint (https://docs.kraken.com/api/docs/rest-api/get-ohlc-data, as domain 1.3 has measured it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor
from kraken_core.simulator.tape import NS, Ints, Tape, decimal_text

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10_080, 21_600)  # minutes; 720 is not among them
COMMITTED = 720  # rows at most, and the forming one


def ohlc_rows(tape: Tape, lives: Sequence[TimeRange], interval: int, since: int, now_ns: int) -> tuple[list[str], int]:
    """The rows of an answer as JSON, the forming candle's last, and the opening time of the last committed slot.

    Slots without trades have rows too, from the first trade of a life to its end. ``since``, epoch seconds, leaves out
    rows up to it, but never brings older ones, nor leaves out the forming one.
    """
    width = interval * 60
    forming = floor(now_ns // NS, width)
    known = int(np.searchsorted(tape.time_ns, now_ns))
    slots = _slots(tape[:known], lives, width, forming)
    slots = slots[(slots > since) | (slots == forming)]
    return _rows(tape[:known], slots, width) if len(slots) else [], forming - width


def _slots(traded: Tape, lives: Sequence[TimeRange], width: int, forming: int) -> Ints:
    """The newest slots that have a row, ascending."""
    end = forming + width
    listed = TimeRanges.of(
        (floor(int(trades.time_ns[0]) // NS, width), min(ceil(life.end, width), end))
        for life in lives
        if len(trades := traded.between(life.start, min(life.end, end)))
    )
    rows = COMMITTED + 1
    parts = [np.arange(max(start, end - rows * width), end, width) for start, end in listed]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])[-rows:]


def _rows(traded: Tape, slots: Ints, width: int) -> list[str]:
    """A row for each slot; the first trade of all is not after the first slot's end."""
    first, stop = (np.searchsorted(traded.time_ns, edge * NS) for edge in (slots, slots + width))
    counts = stop - first
    some = counts > 0
    closes = traded.price_ticks[stop - 1]
    prices = [closes.copy() for _ in range(3)]  # open, high and low of a slot without trades are the close before it
    volumes, means = np.zeros_like(closes), np.zeros_like(closes)
    if some.any():
        # No trade lies between two slots, so that each of these parts ends where the next one begins.
        starts, ticks, units = first[some], traded.price_ticks[: stop[-1]], traded.volume_units[: stop[-1]]
        prices[0][some] = ticks[starts]
        prices[1][some] = np.maximum.reduceat(ticks, starts)
        prices[2][some] = np.minimum.reduceat(ticks, starts)
        volumes[some] = np.add.reduceat(units, starts)
        turnover = np.add.reduceat(ticks[starts[0] :] * units[starts[0] :].astype(np.float64), starts - starts[0])
        means[some] = np.rint(turnover / volumes[some]).astype(np.int64)
    columns = [decimal_text(numbers, traded.price_decimals) for numbers in (*prices, closes, means)]
    return list(_as_json(slots, columns, decimal_text(volumes, VOLUME_DECIMALS), counts))


def _as_json(slots: Ints, prices: Sequence[Sequence[str]], volumes: Sequence[str], counts: Ints) -> Iterator[str]:
    texts = zip(slots.tolist(), *prices, volumes, counts.tolist(), strict=True)
    for time, first, high, low, close, mean, volume, count in texts:
        yield f'[{time},"{first}","{high}","{low}","{close}","{mean}","{volume}",{count}]'
