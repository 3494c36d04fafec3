"""What answers in JSON have in common, whichever exchange sends them: numbers, candles, and what a refusal says.

Nothing is guessed: a row that contradicts itself is skipped and named, and what it may have shown stays unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import polars as pl

from kraken_core.domain.candles import SCHEMA, TIME, Source, provisional, rank_of
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_sweep import STALE_S
from kraken_core.sources.rest.failures import nonsense
from kraken_core.sources.rest.numbers import number_of
from kraken_core.sources.rest.row_intervals import other_interval, refuse_coarser

_MOST = 10**30  # of a price or a volume
_MOST_QUOTED = 120  # characters of a row that was skipped
_US = 1_000_000  # microseconds a second
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError)  # what reading an odd row may raise
_T = TypeVar("_T")


class CandleRow(NamedTuple):
    """A candle as an answer has it: when it opened (epoch seconds), its prices and its volume, exact."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def checked(self) -> CandleRow:
        """The same. Raises ValueError where it contradicts itself."""
        first, high, low, close = self[1:5]
        if not 0 < low <= min(first, close) <= max(first, close) <= high:
            raise ValueError("not a candle")
        return self


def document(body: bytes) -> Any:  # noqa: ANN401 - whatever was sent
    """What a body of JSON contains, numbers with a point exact. Raises NoAnswerError."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise nonsense("it is not JSON, or not all of it") from error


def decimal(value: object) -> Decimal:
    """A number that is not negative, given as a text or not. Raises ValueError."""
    number = number_of(value)
    if number is None or number >= _MOST:
        raise ValueError("not a number")
    return number


def read_rows(rows: Sequence[Any], read: Callable[[Any], _T]) -> tuple[list[_T], tuple[str, ...]]:
    """What is read of the rows, and those that cannot be, as they may be shown. Raises NoAnswerError where none can."""
    found: list[_T] = []
    skipped: list[str] = []
    for row in rows:
        try:
            found.append(read(row))
        except UNREADABLE:
            skipped.append(f"{row}"[:_MOST_QUOTED])
    if rows and not found:
        raise nonsense("rows that cannot be read")
    return found, tuple(skipped)


def candle_answer(
    rows: Sequence[Any], read: Callable[[Any], CandleRow], series: Series, as_of: int, young_s: int
) -> OhlcAnswer:
    """The candles of rows, oldest first, that were closed by ``as_of``, and whose slots are known: see Exchange.ohlc.

    A row without volume is a slot without trades. Trades are not counted. The last row may have been forming when the
    answer was made, however long ago its slot closed since: a later one has to show that it had closed, or that it did
    longer ago than any answer is old. Until then it is provisional. A row that is in no slot is skipped, and so are all
    of a slot that has different ones. Raises NoAnswerError where rows are in no order, or of another interval.
    """
    found, skipped = _placed(*read_rows(rows, lambda row: (row, read(row))), series.width)
    if any(after.time <= before.time for before, after in pairwise(found)):
        raise nonsense("candles out of place")
    refuse_coarser([row.time for row in found], [row.low < row.high for row in found], series)
    closed, rank = as_of - series.width, rank_of(Source.OHLC)  # the last slot that had closed by then
    newest = found[-1].time if found else 0
    settled = min(closed, max(newest - 1, closed - STALE_S))
    known = TimeRanges.of((row.time, row.time + series.width) for row in found if row.time <= settled)
    kept = [
        {
            "pair": str(series.pair),
            "interval_minutes": series.interval,
            "time": row.time * _US,
            **{name: float(value) for name, value in row._asdict().items() if name != "time"},
            "source": Source.OHLC.value,
            "rank": rank if row.time <= settled else provisional(rank),
        }
        for row in found
        if row.volume and row.time <= closed + young_s
    ]
    frame = pl.DataFrame(kept, schema={**SCHEMA, "time": pl.Int64}).with_columns(pl.col("time").cast(TIME))
    return OhlcAnswer(frame, known, len(rows), skipped)


def _placed(
    read: Sequence[tuple[Any, CandleRow]], skipped: tuple[str, ...], width: int
) -> tuple[list[CandleRow], tuple[str, ...]]:
    """The rows that are of the slots that they name, each once; and those that are not, as they may be shown."""
    off = {row.time for _, row in read if row.time % width}
    if off and len(off) * 2 >= len({row.time for _, row in read}):
        raise other_interval()
    kinds = Counter(row.time for row in {row for _, row in read})
    odd = off | {time for time, several in kinds.items() if several > 1}
    named = tuple(f"{each}"[:_MOST_QUOTED] for each, row in read if row.time in odd)
    return list(dict.fromkeys(row for _, row in read if row.time not in odd)), (*skipped, *named)


def messages(body: bytes, names: Sequence[str]) -> list[str]:
    """What a refusal says, in JSON under one of these names or in plain words; nothing where it is a page of HTML."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        text = body[: 4 * _MOST_QUOTED].decode("utf-8", "replace").strip()
        return [] if not text or text.startswith("<") else [text]
    if not isinstance(found, dict):
        return [str(found)]
    return [str(found[name]) for name in names if found.get(name)][:1]
