"""From an answer's JSON to what it tells, strictly: what has not the documented form is refused, never guessed at.

Numbers keep their decimal text until they become the double nearest to it, or a decimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from kraken_core.domain.candles import PRICES, SCHEMA, TIME, VOLUME_DECIMALS, Source, rank_of
from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.exchange import NS, TRADES, ListedPair, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series, shown_asset
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.sources.rest.failures import NoAnswerError, nonsense, policy_of

Result = Mapping[str, object]
_DARK = ".d"
_OHLC_WIDTH = 8  # time, open, high, low, close, vwap, volume, count
_TRADE_WIDTHS = (7, 6)  # price, volume, time, side, type, misc, id; of old samples the id is absent
_NUMBER = r"^[0-9]{1,30}(\.[0-9]{1,30})?$"
_VOLUME = rf"^[0-9]{{1,29}}(\.[0-9]{{1,{VOLUME_DECIMALS}}}0*)?$"  # what the column of a decimal holds exactly
_CURSOR = re.compile(r"\d{1,19}", re.ASCII)
_DECIMALS = (*PRICES, "vwap", "volume")
_OHLC: dict[str, type[pl.DataType]] = {"time": pl.Int64, **dict.fromkeys(_DECIMALS, pl.Float64), "trades": pl.Int64}
_MOST_TOLD = 200  # characters of an error's text
_MOST_TRADES = (1 << 31) - 1
_US = 1_000_000  # microseconds a second
_NEAR_NS = NS  # a trade's time is told as a double, and cut to four decimals in old ones; its cursor is exact


class Listed(NamedTuple):
    """AssetPairs: the pairs by name, and the names in it that are none."""

    pairs: list[ListedPair]
    unreadable: list[str]


def result(body: bytes) -> Result:
    """What an answer holds. Raises NoAnswerError where that is an error, or makes no sense."""
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise nonsense("it is no JSON, or not all of it") from error
    if not isinstance(document, dict) or not isinstance(errors := document.get("error"), list):
        raise nonsense("it does not say whether there is an error")
    if serious := [str(error) for error in errors if not str(error).startswith("W")]:
        told = " ".join(", ".join(serious).encode("ascii", "replace").decode().split())
        raise NoAnswerError(f"it answers {told[:_MOST_TOLD]}", policy_of(serious[0]))
    if not isinstance(found := document.get("result"), dict):
        raise nonsense("it has neither an error nor a result")
    return found


def server_time(found: Result) -> int:
    """Time: epoch seconds."""
    now = found.get("unixtime")
    if type(now) is not int or not 0 < now < END_OF_TIME:
        raise nonsense("a clock without time")
    return now


def status(found: Result) -> str:
    """SystemStatus: online, maintenance, cancel_only or post_only."""
    return _text(found, "status")


def asset_names(found: Result) -> dict[str, str]:
    """Assets: how we show the asset of each canonical code."""
    return {code: shown_asset(_text(_row(row), "altname")) for code, row in found.items()}


def asset_pairs(found: Result) -> Listed:
    """AssetPairs, sorted, without dark pools."""
    pairs, unreadable = set(), []
    for key, value in found.items():
        row = _row(value)
        name, base, quote = (_text(row, field) for field in ("altname", "base", "quote"))
        if name.endswith(_DARK):
            continue
        spelled = _text(row, "wsname") if "wsname" in row else f"{base}/{quote}"
        try:
            pair = Pair.parse(spelled)
        except UnknownPairError:
            unreadable.append(key)
            continue
        # Before 2021 it told of no state: what was listed was online.
        pairs.add(ListedPair(pair, _text(row, "status") if "status" in row else "online"))
    return Listed(sorted(pairs), sorted(unreadable))


def ohlc(found: Result, series: Series, as_of: int) -> OhlcAnswer:
    """OHLC: the candles of a series that were closed by ``as_of``; the last row, still forming, is never one.

    A row that contradicts itself is not believed: its slot stays unknown.
    """
    rows, last = _rows(found), found.get("last")
    if type(last) is not int:
        raise nonsense("candles without last")
    time, *texts, count = _columns(rows, (_OHLC_WIDTH,))
    times = _whole(time, END_OF_TIME)
    if times.size and ((times % series.width).any() or np.diff(times, prepend=-1).min() <= 0):
        raise nonsense("candles out of place")
    numbers = _decimals([text for column in texts for text in column], _NUMBER).cast(pl.Float64)
    values = {name: numbers.slice(place * len(rows), len(rows)) for place, name in enumerate(_DECIMALS)}
    frame = pl.DataFrame({"time": times, **values, "trades": _whole(count, _MOST_TRADES)}, schema=_OHLC)
    closed = frame.filter((pl.col("time") <= min(last, as_of - series.width)) & _is_believed())
    known = TimeRanges.of((time, time + series.width) for time in closed["time"].to_list())
    candles = (
        closed.lazy()
        .filter(pl.col("trades") > 0)
        .select(
            pl.lit(str(series.pair)).alias("pair"),
            pl.lit(series.interval, pl.Int32).alias("interval_minutes"),
            (pl.col("time") * _US).cast(TIME),
            *PRICES,
            "volume",
            pl.col("trades").cast(pl.Int32),
            pl.lit(Source.OHLC.value).alias("source"),
            pl.lit(rank_of(Source.OHLC), pl.Int64).alias("rank"),
        )
        .select(*SCHEMA)
        .collect()
    )
    return OhlcAnswer(candles, known, len(rows))


def trades(found: Result, cursor: int, count: int) -> TradesPage:
    """Trades: up to ``count`` of them after a cursor. A page with fewer of them is the last one."""
    rows, following = _rows(found), found.get("last")
    if not isinstance(following, str) or not _CURSOR.fullmatch(following):
        raise nonsense("trades without last")
    price, volume, time, side, kind, _, *numbers = _columns(rows, _TRADE_WIDTHS)
    if not set(_texts(side)) <= {"b", "s"} or not set(_texts(kind)) <= {"m", "l"}:
        raise nonsense("trades of an unknown kind")
    page = pl.DataFrame(
        {
            "time": _nanoseconds(time),
            "price": _decimals(price, _NUMBER).cast(pl.Float64),
            "volume": _decimals(volume, _VOLUME).cast(TRADES["volume"]),
            "id": _whole(numbers[0], 1 << 63) if numbers else None,
        },
        schema=TRADES,
    )
    if not (page["price"] > 0).all():
        raise nonsense("trades without a price")
    if page.is_empty():
        return TradesPage(page, max(cursor, int(following)), is_last=True)
    if not page["time"].is_sorted():
        page = page.sort("time", maintain_order=True)
    if page["time"][0] < cursor - _NEAR_NS or not cursor <= int(following):
        raise nonsense("trades from before those that were asked for")
    if abs(page["time"][-1] - int(following)) > _NEAR_NS:
        raise nonsense("a cursor that is not its last trade's")
    if len(rows) >= count and int(following) == cursor:
        raise nonsense("a full page of trades whose cursor does not move")
    return TradesPage(page, int(following), is_last=len(rows) < count)


def _is_believed() -> pl.Expr:
    """Whether a row is silent, or a candle."""
    first, high, low, close = map(pl.col, PRICES)
    shaped = (low > 0) & (low <= pl.min_horizontal(first, close)) & (high >= pl.max_horizontal(first, close))
    silent, traded = ((pl.col("trades") > 0) == wanted for wanted in (False, True))
    empty = pl.col("volume") == 0
    return (silent & empty) | (traded & ~empty & shaped)


def _rows(found: Result) -> list[Any]:
    """The value of the only key that is not ``last``."""
    values = [value for key, value in found.items() if key != "last"]
    if len(values) != 1 or not isinstance(values[0], list):
        raise nonsense("it is not of one pair")
    return values[0]


def _columns(rows: list[Any], widths: Sequence[int]) -> list[Sequence[object]]:
    """Rows of one of these widths as columns."""
    if not rows:
        return [()] * widths[0]
    if set(map(type, rows)) != {list} or len(found := set(map(len, rows))) > 1 or not found <= set(widths):
        raise nonsense(f"rows that have not {widths[0]} fields")
    return list(zip(*rows, strict=True))


def _whole(values: Sequence[Any], end: int) -> npt.NDArray[np.int64]:
    if not set(map(type, values)) <= {int} or (values and not (min(values) >= 0 and max(values) < end)):
        raise nonsense("a number that is not whole, or too large")
    return np.array(values, dtype=np.int64)


def _decimals(values: Sequence[Any], pattern: str) -> pl.Series:
    """Decimal texts, as they are."""
    texts = pl.Series(_texts(values), dtype=pl.String)
    if not texts.str.contains(pattern).all():
        raise nonsense("a text that is no number")
    return texts


def _texts(values: Sequence[Any]) -> Sequence[str]:
    if not set(map(type, values)) <= {str} or not "".join(values).isascii():
        raise nonsense("a value that is no plain text")
    return values


def _nanoseconds(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Times in seconds, with or without a fraction."""
    if not set(map(type, values)) <= {int, Decimal} or (values and not (min(values) > 0 and max(values) < END_OF_TIME)):
        raise nonsense("a time that is none")
    return np.array([int(value * NS) for value in values], dtype=np.int64)


def _row(value: object) -> Result:
    if not isinstance(value, dict):
        raise nonsense("an entry without fields")
    return value


def _text(row: Result, field: str) -> str:
    match row.get(field):
        case str(text) if text and text.isascii() and text.isprintable():
            return text
    raise nonsense(f"no {field}")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
