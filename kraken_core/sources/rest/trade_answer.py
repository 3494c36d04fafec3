"""An answer of Trades: a page of them, and what was traded between those that cannot be read is unknown."""

from __future__ import annotations

from typing import Any

import polars as pl

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.exchange import NS, TradesPage
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trades import PAGE, TRADES
from kraken_core.sources.rest.answer_rows import (
    NUMBER,
    columns,
    cursor_of,
    decimal_texts,
    nanoseconds,
    plain_texts,
    quoted,
    readable_rows,
    rows_of,
    whole_numbers,
)
from kraken_core.sources.rest.answers import Result
from kraken_core.sources.rest.failures import nonsense

_TRADE_WIDTH = 6  # price, volume, time, side, type, misc; then the id, which old samples do not have
_VOLUME = rf"^[0-9]{{1,29}}(\.[0-9]{{1,{VOLUME_DECIMALS}}}0*)?$"  # what the column of a decimal stores exactly
_NEAR_NS = NS  # a trade's time is a double, cut to four decimals in old ones; its cursor is exact


def trades(found: Result, cursor: int, count: int, pair: Pair | None = None) -> TradesPage:
    """Trades: up to ``count`` of them after a cursor. Without a cursor for what follows, its last one gives it.

    Trades that cannot be read are skipped; what was traded between those beside them is unknown.
    """
    rows, last = rows_of(found, pair), cursor_of(found.get("last"))
    page, skipped = readable_rows(rows, _trade_rows)
    if page.is_empty():
        return TradesPage(page, max(cursor, last.value if last else cursor), is_short=True)
    times = page["time"].to_list()
    if not page["time"].is_sorted():
        page = page.sort("time", maintain_order=True)
    # A cursor that was rounded, or is missing, would leave trades out; those of the last instant may be repeated.
    following = last.value if last and last.exact else max(cursor, page["time"][-1] - 1)
    if page["time"][0] < cursor - _NEAR_NS or not cursor <= following:
        raise nonsense("trades from before those that were requested")
    if not skipped and abs(page["time"][-1] - following) > _NEAR_NS:
        raise nonsense("a cursor that is not its last trade's")
    unknown = _between_neighbours(times, sorted(skipped), cursor, following)
    return TradesPage(page, following, len(rows) < count, quoted(rows, skipped), unknown)


def _trade_rows(rows: list[Any]) -> pl.DataFrame:
    """Rows of trades, as TRADES has them, in their order. Raises NoAnswerError where any of them cannot be read."""
    price, volume, time, side, kind, _ = columns(rows, _TRADE_WIDTH)
    if not set(plain_texts(side)) <= {"b", "s"} or not set(plain_texts(kind)) <= {"m", "l"}:
        raise nonsense("trades of an unknown kind")
    page = pl.DataFrame(
        {
            "time": nanoseconds(time),
            "price": decimal_texts(price, NUMBER).cast(pl.Float64),
            "volume": decimal_texts(volume, _VOLUME).cast(TRADES["volume"]),
            "id": _ids(rows),
            "kind": [f"{each}{order}" for each, order in zip(side, kind, strict=True)],
        },
        schema=PAGE,
    )
    if not (page["price"] > 0).all():
        raise nonsense("trades without a price")
    return page


def _between_neighbours(times: list[int], skipped: list[int], start: int, end: int) -> TimeRanges:
    """Epoch seconds between the readable trades (``times``, nanoseconds) before and behind each skipped place."""
    spans = []
    for before, place in enumerate(skipped):
        after = place - before  # so many readable ones come before it
        first = times[after - 1] if after else start
        last = times[after] if after < len(times) else max(end, times[-1])
        spans.append((min(first, last) // NS, max(first, last) // NS + 1))
    return TimeRanges.of(spans)


def _ids(rows: list[Any]) -> pl.Series:
    """The ids of trades; old samples have none."""
    ids = [row[_TRADE_WIDTH] if len(row) > _TRADE_WIDTH else None for row in rows]
    read = iter(whole_numbers([number for number in ids if number is not None], 1 << 63).tolist())
    return pl.Series([None if number is None else next(read) for number in ids], dtype=pl.Int64)
