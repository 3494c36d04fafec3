"""Coinbase Exchange as an exchange among others: the entry point ``coinbase``.

Its candles leave out slots without trades, and may leave out others: a slot without a row is not known. Its trades have
numbers in steps of one, and are paged by these alone, newest first: they show what happened in between. A candle is
what its trades make. Sources, and what could not be verified: docs/guide/exchanges.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import polars as pl

from kraken_core.domain.exchange import NS, TRADES_A_PAGE, FirstTrade, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, ceil, floor, iso
from kraken_core.domain.trades import PAGE
from kraken_core.domain.venues import SEPARATOR, Venue, VenueMarket
from kraken_core.ports import Access
from kraken_core.sources.rest.failures import NoAnswerError, nonsense
from kraken_core.sources.rest.json_rows import CandleRow, candle_answer, decimal, document, messages, read_rows
from kraken_core.sources.rest.numbered_tape import NumberedTape, NumberedTrade
from kraken_core.sources.rest.numbers import whole_number
from kraken_core.sources.rest.patient_client import LOG, PatientClient
from kraken_core.sources.rest.retries import budget_of
from kraken_core.sources.rest.transport import Transport, timeout_of
from kraken_core.sources.rest.waiting import Waiting

NAME = "coinbase"
INTERVALS = (1, 5, 15, 60, 1440)  # minutes; there is 360 too, and no other
MOST_CANDLES = 300  # that may be requested at once: a longer range is refused
A_PAGE = 225  # candles that are planned at once: the newest page goes on to the present, and a little beyond
A_SECOND = 8.0  # requests of all products together: 10 are allowed to an address
SEARCH = 8  # requests, about, to find an instant among the numbers of millions of trades
_SYMBOL = re.compile(r"([A-Z0-9]{1,20})-([A-Z0-9]{2,12})")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_TAKERS = {"buy": "s", "sell": "b"}  # by the side of the maker, which is the one that is answered
_T = TypeVar("_T")


class _Rows(NamedTuple):
    """Trades of an answer (PAGE), by number, and the rows that could not be read."""

    trades: pl.DataFrame
    skipped: tuple[str, ...]


def market(symbol: str) -> VenueMarket:
    """The product of a symbol. Raises ValueError."""
    found = _SYMBOL.fullmatch(symbol.strip().upper())
    if not found or found[1] == found[2]:
        raise ValueError("products are called like BTC-USD")
    return VenueMarket(found[0], found[1], found[2])


VENUE = Venue(
    NAME,
    "Coinbase Exchange",
    "https://api.exchange.coinbase.com",
    market,
    INTERVALS,
    page=A_PAGE,
    trades=True,
    quiet_rows=False,
    search=SEARCH,
)


class CoinbaseExchange(PatientClient):
    """Its public API over HTTP: a :class:`~kraken_core.ports.Exchange`. Close it when done."""

    def __init__(self, access: Access, waiting: Waiting | None = None) -> None:
        super().__init__(
            Transport(access.url, timeout_of(access), access.stop, errors=_errors, setting="exchange_urls"),
            requests_per_second=access.requests_per_second,
            all_per_second=A_SECOND,
            patience=budget_of(access),
            waiting=waiting or Waiting(access.stop),
        )
        self._listed: frozenset[Pair] = frozenset()
        self._tapes: dict[Pair, NumberedTape] = {}
        self._oldest: dict[Pair, int] = {}  # the smallest number seen

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        return self._request("time", _read(_server_time), None, {})

    def status(self) -> str:
        """``online`` where it answers: it publishes no state of its own."""
        self.now()
        return "online"

    def listed(self) -> Listed:
        """The products that are traded now; those that are delisted are not among them."""
        pairs, skipped = self._request("products", _read(_products), None, {})
        if skipped:
            LOG.warning("products of Coinbase whose names are not understood: %s", ", ".join(sorted(skipped)))
        self._listed = pairs
        return Listed((), skipped, venues=frozenset({NAME}), elsewhere=pairs)

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        """The candles of a series within a range, else the newest of a page, that were closed by ``as_of``."""
        width = series.width
        start, end = within or TimeRange(floor(as_of, width) - A_PAGE * width, as_of)
        # One candle beyond the range shows that the one before it had closed when the answer was made.
        last = min(ceil(end + young_s, width), start + (MOST_CANDLES - 1) * width)
        query: dict[str, str | int] = {"granularity": width, "start": iso(start), "end": iso(last)}
        where = f"products/{series.pair.altname}/candles"
        return self._request(where, _read(lambda found: candles(found, series, as_of, young_s)), series.pair, query)

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        """Up to so many trades after a cursor (nanoseconds), 1,000 at most.

        Each is one request; until the cursor is found among the numbers of the trades, the answer is still searching.
        """
        tape = self._tapes.setdefault(pair, NumberedTape(TRADES_A_PAGE))
        below = tape.aim(cursor)
        return page_of(self._below(pair, below), tape, below, cursor, count)

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade of the pair, which has the number 1; where that is not answered, the first that is."""
        low, high, found = 1, 2, self._below(pair, 2, 1).trades
        if found.is_empty():
            found = self._below(pair, None, 1).trades
            high = found["id"][0] + 1 if len(found) else high
        while found["id"].min() != low and high - low > 1:  # below `low` there is none, below `high` there are some
            middle = (low + high) // 2
            below = self._below(pair, middle, 1).trades
            low, high, found = (middle, high, found) if below.is_empty() else (low, middle, below)
        return _first_of(found)

    def newest_trade(self, pair: Pair) -> FirstTrade | None:
        """The newest trade that is answered of the pair; None where there is none."""
        return _first_of(self._below(pair, None, 1).trades)

    def _below(self, pair: Pair, number: int | None, count: int = TRADES_A_PAGE) -> _Rows:
        """The newest trades with smaller numbers. That there are none is not believed where some were seen."""
        query: dict[str, str | int] = {"limit": count} if number is None else {"limit": count, "after": number}
        oldest = self._oldest.get(pair)

        def read(found: object) -> _Rows:
            rows = trades(found)
            if rows.trades.is_empty() and oldest is not None and (number is None or oldest < number):
                raise nonsense("it has no trades where it had some before")
            return rows

        rows = self._request(f"products/{pair.altname}/trades", _read(read), pair, query)
        if len(rows.trades):
            self._oldest[pair] = min(rows.trades["id"][0], oldest or rows.trades["id"][0])
        return rows

    def _known_pairs(self) -> Iterable[Pair]:
        return self._listed

    def _probe(self, pair: Pair) -> None:
        self._once(f"products/{pair.altname}/trades", _read(trades), pair, {"limit": 1})

    def _is_up(self) -> bool:
        try:
            self._once("time", _read(_server_time), None, {})
        except NoAnswerError:
            return False
        return True


def _first_of(found: pl.DataFrame) -> FirstTrade | None:
    for time, number in found.select("time", "id").iter_rows():
        return FirstTrade(time // NS, number)
    return None


def candles(found: object, series: Series, as_of: int, young_s: int) -> OhlcAnswer:
    """Candles that were closed by ``as_of``, and whose slots are known, by their rows alone: see Exchange.ohlc.

    A row without volume is none of the exchange's: its slot is not known.
    """
    rows = found if isinstance(found, list) else None
    if rows is None:
        raise nonsense("it is no list of candles")
    if len(rows) > 1 and _at(rows[0]) > _at(rows[-1]):  # as they come
        rows = rows[::-1]
    return candle_answer(rows, _candle, series, as_of, young_s)


def trades(found: object) -> _Rows:
    """Trades, by number."""
    if not isinstance(found, list):
        raise nonsense("it is no list of trades")
    rows, skipped = read_rows(found, _trade)
    return _Rows(pl.DataFrame(rows, schema=PAGE, orient="row").sort("id").unique("id", maintain_order=True), skipped)


def page_of(rows: _Rows, tape: NumberedTape, below: int | None, cursor: int, count: int) -> TradesPage:
    """What follows a cursor in rows that were requested below a number; those unread make what is around unknown."""
    numbered = [NumberedTrade(*each) for each in rows.trades.select("id", "time").iter_rows()]
    if not tape.read(numbered, below, cursor):
        return TradesPage(rows.trades.clear(), cursor, is_short=False, is_searching=True)
    before = rows.trades.filter(pl.col("time") <= cursor)["id"].to_list()
    page = rows.trades.sort("time", maintain_order=True).filter(pl.col("time") > cursor)
    cut = page.head(count)
    # Where in the page the unread ones were made is not looked for: all that it spans is unknown.
    last = int(cut["time"][-1]) // NS + 1 if len(cut) else END_OF_TIME
    unknown = TimeRanges.single(max(cursor, 0) // NS, last) if rows.skipped else TimeRanges()
    is_short = below is None and len(cut) == len(page)
    following = cursor
    if len(cut):
        following = max(cursor, int(cut["time"][-1]) - 1)
        tape.gave(following, max(cut["id"].to_list()), below)
    return TradesPage(cut, following, is_short, rows.skipped, unknown, id_before=max(before, default=None))


def _candle(row: list[Any]) -> CandleRow:
    """Raises ValueError where it contradicts itself."""
    low, high, first, close, volume = (decimal(value) for value in row[1:6])
    if not volume:
        raise ValueError("a candle without trades")
    return CandleRow(_whole(row[0], END_OF_TIME), first, high, low, close, volume).checked()


def _trade(row: Mapping[str, Any]) -> tuple[Any, ...]:
    price, volume = decimal(row["price"]), decimal(row["size"])
    number = _whole(row["trade_id"], 1 << 62)
    if not price or not volume or not number:
        raise ValueError("not a trade")
    made = datetime.fromisoformat(row["time"])
    nanoseconds = (made - _EPOCH) // _MICROSECOND * 1_000
    return _whole(nanoseconds, END_OF_TIME * NS), float(price), volume, number, f"{_TAKERS[row['side']]}m"


def _at(row: object) -> int:
    return (whole_number(row[0], END_OF_TIME) if isinstance(row, list) and row else None) or 0


def _whole(value: object, end: int) -> int:
    """Raises ValueError."""
    number = whole_number(value, end)
    if number is None:
        raise ValueError("not a whole number")
    return number


def _read(of: Callable[[Any], _T]) -> Callable[[bytes], _T]:
    """Reads a body of JSON. Raises NoAnswerError."""
    return lambda body: of(document(body))


def _errors(body: bytes) -> list[str]:
    """What a refusal says."""
    return messages(body, ("message",))


def _server_time(found: object) -> int:
    try:
        return int(decimal(found["epoch"])) if isinstance(found, dict) else _no_clock()
    except (KeyError, ValueError, ArithmeticError):
        return _no_clock()


def _no_clock() -> int:
    raise nonsense("a clock without time")


def _products(found: object) -> tuple[frozenset[Pair], dict[str, str]]:
    if not isinstance(found, list) or not found:
        raise nonsense("it lists no products")
    pairs, skipped = set(), {}
    for row in found:
        symbol = str(row.get("id")) if isinstance(row, dict) else "?"
        try:
            of = market(symbol)
        except ValueError:
            skipped[symbol] = "it is no product's name"
        else:
            if row.get("status") != "delisted":
                pairs.add(Pair(of.base, of.quote, f"{NAME}{SEPARATOR}{of.symbol}"))
    return frozenset(pairs), skipped


class CoinbasePlugin:
    """An :class:`~kraken_core.ports.ExchangePlugin`."""

    venue: Venue = VENUE

    def open(self, access: Access) -> CoinbaseExchange:
        """Its public API, at an address and a pace."""
        return CoinbaseExchange(access)


COINBASE = CoinbasePlugin()
