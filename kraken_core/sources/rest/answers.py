"""From an answer's JSON to values: what has not the documented form is never guessed at.

Forms grow: unknown keys and trailing fields are ignored. A row or an entry that cannot be read is
skipped, named and counted, and shows nothing of its surroundings; where nothing can be read, the answer is refused.
Numbers keep their decimal text until they become the double nearest to it, or a decimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from kraken_core.domain.averages import VWAP, stated
from kraken_core.domain.candles import FULL_SCHEMA, PRICES, TIME, VOLUME_DECIMALS, Source, provisional, rank_of
from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.exchange import NS, Listed, ListedPair, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series, shown_asset, shown_pair, splits
from kraken_core.domain.names import CURRENCY, PairName
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.trades import PAGE, TRADES
from kraken_core.sources.rest.failures import NoAnswerError, nonsense, refused_by

Result = Mapping[str, object]
_DARK = ".d"
_OHLC_WIDTH = 8  # time, open, high, low, close, vwap, volume, count
_TRADE_WIDTH = 6  # price, volume, time, side, type, misc; then the id, which old samples do not have
_NUMBER = r"^[0-9]{1,30}(\.[0-9]{1,30})?$"
_VOLUME = rf"^[0-9]{{1,29}}(\.[0-9]{{1,{VOLUME_DECIMALS}}}0*)?$"  # what the column of a decimal stores exactly
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,15}")  # of an asset
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9./]{1,32}")  # of a pair
_CURSOR = re.compile(r"\d{1,19}|\d(\.\d{1,30})?[eE]\+?\d{1,2}", re.ASCII)
_MOST_CURSOR = 10**19  # nanoseconds
_DECIMALS = (*PRICES, "vwap", "volume")
_OHLC: dict[str, type[pl.DataType]] = {"time": pl.Int64, **dict.fromkeys(_DECIMALS, pl.Float64), "trades": pl.Int64}
_MOST_QUOTED = 120  # characters of a row that was skipped
_MOST_TRADES = (1 << 31) - 1
_US = 1_000_000  # microseconds a second
_NEAR_NS = NS  # a trade's time is a double, cut to four decimals in old ones; its cursor is exact


class Partial(dict[str, object]):
    """A result that came with an error: what is absent from it may exist."""


def result(body: bytes, *, beside_errors: bool = False) -> Result:
    """The content of an answer. Raises NoAnswerError where that is an error, or invalid.

    With ``beside_errors`` a result counts that came with an error, as a Partial one: one entry of many may have caused
    that.
    """
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise nonsense("it is not JSON, or not all of it") from error
    if not isinstance(document, dict) or not isinstance(errors := document.get("error"), list):
        raise nonsense("it has no list of errors")
    found = document.get("result")
    serious = [str(error) for error in errors if not str(error).startswith("W")]
    if serious and not (beside_errors and isinstance(found, dict) and found):
        raise refused_by(serious)
    if not isinstance(found, dict):
        raise nonsense("it has neither an error nor a result")
    return Partial(found) if serious else found


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
    """Assets: how we show the asset of each canonical code; entries without a name are left out."""
    rows = ((code, row.get("altname")) for code, row in found.items() if isinstance(row, dict))
    return {code: shown_asset(name) for code, name in rows if isinstance(name, str) and _CODE.fullmatch(name)}


def asset_pairs(found: Result) -> Listed:
    """AssetPairs, sorted, without dark pools; entries that name no pair are skipped."""
    pairs: dict[Pair, ListedPair] = {}
    skipped: dict[str, str] = {}
    for key, row in sorted(found.items()):
        try:
            listed = _entry(key, row)
        except _UnreadableError as error:
            skipped[key] = str(error)
            continue
        if listed and pairs.setdefault(listed.pair, listed) is not listed:
            skipped[key] = f"it is called {listed.pair}, as {pairs[listed.pair].name.key} is"
    return Listed(tuple(pairs[pair] for pair in sorted(pairs)), skipped, whole=not isinstance(found, Partial))


class _UnreadableError(Exception):
    """An entry of AssetPairs cannot be read; the text is why."""


def _entry(key: str, row: object) -> ListedPair | None:
    """A pair as AssetPairs lists it; None for a dark pool. Raises _UnreadableError."""
    if not isinstance(row, dict):
        raise _UnreadableError("it has no fields")
    altname = row.get("altname") or key
    if not isinstance(altname, str) or not _NAME.fullmatch(altname):
        raise _UnreadableError("its altname is not a name")
    if altname.lower().endswith(_DARK):
        return None
    asset_class, status = row.get("aclass_base", CURRENCY), row.get("status", "online")  # before 2021 it had no state
    return ListedPair(
        PairName(_named(row, altname), altname, key, asset_class if isinstance(asset_class, str) else CURRENCY),
        status if isinstance(status, str) else "unknown",
    )


def _named(row: Result, altname: str) -> Pair:
    """The pair of an entry: by its wsname, else by its assets, else by its altname where that means one pair only."""
    wsname = row.get("wsname")
    for base, slash, quote in (str(wsname).partition("/"), (row.get("base"), "/", row.get("quote"))):
        if slash and all(isinstance(code, str) and _CODE.fullmatch(code) for code in (base, quote)) and base != quote:
            return shown_pair(str(base), str(quote))
    meanings = splits(altname)
    if len(meanings) != 1:
        raise _UnreadableError("neither its wsname nor its base and quote name a pair")
    return shown_pair(*meanings[0])


def ohlc(found: Result, series: Series, as_of: int, young_s: int = 0) -> OhlcAnswer:
    """OHLC: the candles of a series that were closed by ``as_of``; the last row, still forming, is never one.

    Those that closed up to ``young_s`` seconds later are provisional, and none of their slots is known. A row that
    contradicts itself, or cannot be read, is not believed: its slot stays unknown.
    """
    rows, last = _rows(found, series.pair), _cursor(found.get("last"))
    if last is None:
        raise nonsense("candles without last")
    frame, skipped = _readable(rows, partial(_candle_rows, series))
    if frame["time"].diff().min() is not None and frame["time"].diff().min() <= 0:  # type: ignore[operator] # integers
        raise nonsense("candles out of place")
    believed = frame.select(_is_believed()).to_series()
    readable = [place for place in range(len(rows)) if place not in skipped]
    skipped |= {readable[place] for place in (~believed).arg_true()}
    settled = as_of - series.width  # the last slot that had closed by then
    # A rounded ``last`` may be hours before it; but for the forming one, which is the last, all rows are committed.
    committed = last.value if last.exact or frame.is_empty() else frame["time"][-1] - 1
    closed = frame.filter(believed & (pl.col("time") <= min(committed, settled + young_s)))
    known = TimeRanges.of((time, time + series.width) for time in closed["time"].to_list() if time <= settled)
    rank = rank_of(Source.OHLC)
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
            pl.when(pl.col("time") <= settled)
            .then(pl.lit(rank, pl.Int64))
            .otherwise(pl.lit(provisional(rank), pl.Int64))
            .alias("rank"),
            stated(pl.col(VWAP)).alias(VWAP),
        )
        .select(*FULL_SCHEMA)
        .collect()
    )
    return OhlcAnswer(candles, known, len(rows), _quoted(rows, skipped))


def trades(found: Result, cursor: int, count: int, pair: Pair | None = None) -> TradesPage:
    """Trades: up to ``count`` of them after a cursor. Without a cursor for what follows, its last one gives it.

    Trades that cannot be read are skipped; what was traded between those beside them is unknown.
    """
    rows, last = _rows(found, pair), _cursor(found.get("last"))
    if last is None and found.get("last") is not None:
        raise nonsense("trades whose last is not an instant")
    page, skipped = _readable(rows, _trade_rows)
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
    return TradesPage(page, following, len(rows) < count, _quoted(rows, skipped), unknown)


def _candle_rows(series: Series, rows: list[Any]) -> pl.DataFrame:
    """Rows of candles, as _OHLC has them. Raises NoAnswerError where any of them cannot be read."""
    time, *texts, count = _columns(rows, _OHLC_WIDTH)
    times = _whole(time, END_OF_TIME)
    if times.size and (times % series.width).any():
        raise nonsense("candles out of place")
    numbers = _decimals([text for column in texts for text in column], _NUMBER).cast(pl.Float64)
    values = {name: numbers.slice(place * len(rows), len(rows)) for place, name in enumerate(_DECIMALS)}
    return pl.DataFrame({"time": times, **values, "trades": _whole(count, _MOST_TRADES)}, schema=_OHLC)


def _trade_rows(rows: list[Any]) -> pl.DataFrame:
    """Rows of trades, as TRADES has them, in their order. Raises NoAnswerError where any of them cannot be read."""
    price, volume, time, side, kind, _ = _columns(rows, _TRADE_WIDTH)
    if not set(_texts(side)) <= {"b", "s"} or not set(_texts(kind)) <= {"m", "l"}:
        raise nonsense("trades of an unknown kind")
    page = pl.DataFrame(
        {
            "time": _nanoseconds(time),
            "price": _decimals(price, _NUMBER).cast(pl.Float64),
            "volume": _decimals(volume, _VOLUME).cast(TRADES["volume"]),
            "id": _ids(rows),
            "kind": [f"{each}{order}" for each, order in zip(side, kind, strict=True)],
        },
        schema=PAGE,
    )
    if not (page["price"] > 0).all():
        raise nonsense("trades without a price")
    return page


def _readable(rows: list[Any], read: Callable[[list[Any]], pl.DataFrame]) -> tuple[pl.DataFrame, set[int]]:
    """What is read of the rows, and the places of those that cannot be. Raises NoAnswerError where all of them are."""
    try:
        return read(rows), set()
    except NoAnswerError:
        skipped = {place for place, row in enumerate(rows) if not _is_read([row], read)}
        if len(skipped) == len(rows):
            raise
        return read([row for place, row in enumerate(rows) if place not in skipped]), skipped


def _is_read(rows: list[Any], read: Callable[[list[Any]], pl.DataFrame]) -> bool:
    try:
        read(rows)
    except NoAnswerError:
        return False
    return True


def _between_neighbours(times: list[int], skipped: list[int], start: int, end: int) -> TimeRanges:
    """Epoch seconds between the readable trades (``times``, nanoseconds) before and behind each skipped place."""
    spans = []
    for before, place in enumerate(skipped):
        after = place - before  # so many readable ones come before it
        first = times[after - 1] if after else start
        last = times[after] if after < len(times) else max(end, times[-1])
        spans.append((min(first, last) // NS, max(first, last) // NS + 1))
    return TimeRanges.of(spans)


def _is_believed() -> pl.Expr:
    """Whether a row is one without trades, or a candle."""
    first, high, low, close = map(pl.col, PRICES)
    shaped = (low > 0) & (low <= pl.min_horizontal(first, close)) & (high >= pl.max_horizontal(first, close))
    silent, traded = ((pl.col("trades") > 0) == wanted for wanted in (False, True))
    empty = pl.col("volume") == 0
    return (silent & empty) | (traded & ~empty & shaped)


class _Cursor(NamedTuple):
    """The value of ``last``; ``exact`` unless its text leaves digits out (1.6166e18)."""

    value: int
    exact: bool


def _cursor(last: object) -> _Cursor | None:
    """``last`` as a whole number, a text, or in scientific notation; None where it is no instant."""
    if type(last) is int:
        number = Decimal(last)
    elif isinstance(last, (str, Decimal)) and _CURSOR.fullmatch(text := str(last)):
        number = Decimal(text)
    else:
        return None
    exponent = number.as_tuple().exponent
    if not 0 <= number < _MOST_CURSOR or number != number.to_integral_value() or not isinstance(exponent, int):
        return None
    return _Cursor(int(number), exact=exponent <= 0)


def _rows(found: Result, pair: Pair | None) -> list[Any]:
    """The rows: the only list of rows, or the one under the pair's own name."""
    values = {key: value for key, value in found.items() if key != "last" and isinstance(value, list)}
    if len(values) > 1:
        values = {key: value for key, value in values.items() if not value or isinstance(value[0], list)}
    if len(values) > 1:
        values = {key: value for key, value in values.items() if pair and _names(key, pair)}
    if len(values) != 1:
        raise nonsense("it is not of one pair")
    [rows] = values.values()
    return rows


def _names(key: str, pair: Pair) -> bool:
    try:
        return key == pair.altname or Pair.parse(key) == pair
    except UnknownPairError:
        return False


def _columns(rows: list[Any], width: int) -> list[Sequence[object]]:
    """The first fields of rows as columns."""
    if not rows:
        return [()] * width
    if set(map(type, rows)) != {list} or min(map(len, rows)) < width:
        raise nonsense(f"rows that have not {width} fields")
    return list(zip(*(row[:width] for row in rows), strict=True))


def _ids(rows: list[Any]) -> pl.Series:
    """The ids of trades; old samples have none."""
    ids = [row[_TRADE_WIDTH] if len(row) > _TRADE_WIDTH else None for row in rows]
    _whole([number for number in ids if number is not None], 1 << 63)
    return pl.Series(ids, dtype=pl.Int64)


def _quoted(rows: list[Any], places: Iterable[int]) -> tuple[str, ...]:
    """Rows as they may be shown."""
    return tuple(json.dumps(rows[place], default=str)[:_MOST_QUOTED] for place in sorted(places))


def _whole(values: Sequence[Any], end: int) -> npt.NDArray[np.int64]:
    if not set(map(type, values)) <= {int} or (values and not (min(values) >= 0 and max(values) < end)):
        raise nonsense("a number that is not whole, or too large")
    return np.array(values, dtype=np.int64)


def _decimals(values: Sequence[Any], pattern: str) -> pl.Series:
    """Decimal texts, as they are."""
    texts = pl.Series(_texts(values), dtype=pl.String)
    if not texts.str.contains(pattern).all():
        raise nonsense("a text that is not a number")
    return texts


def _texts(values: Sequence[Any]) -> Sequence[str]:
    if not set(map(type, values)) <= {str} or not "".join(values).isascii():
        raise nonsense("a value that is not plain text")
    return values


def _nanoseconds(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Times in seconds, with or without a fraction."""
    if not set(map(type, values)) <= {int, Decimal} or (values and not (min(values) > 0 and max(values) < END_OF_TIME)):
        raise nonsense("a time that is none")
    return np.array([int(value * NS) for value in values], dtype=np.int64)


def _text(row: Result, field: str) -> str:
    match row.get(field):
        case str(text) if text and text.isascii() and text.isprintable():
            return text
    raise nonsense(f"no {field}")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
