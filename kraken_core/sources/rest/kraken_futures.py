"""Kraken Futures as an exchange among others: the entry point ``kraken-futures``.

Candles come from its charts API, which has a row for every slot, without trades too, and answers any time. It opens a
candle at the close of the one before, and counts no trades: so its candles are not those that its trades would make,
and none are made of trades here. Sources, and what could not be verified: docs/guide/exchanges.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, TypeVar

import polars as pl

from kraken_core.domain.candles import PRICES
from kraken_core.domain.exchange import NS, TRADES_A_PAGE, FirstTrade, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.funding import FundingAnswer, FundingRate
from kraken_core.domain.market import Pair, Series, shown_pair, splits
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, ceil, iso
from kraken_core.domain.trades import PAGE
from kraken_core.domain.venues import SEPARATOR, Venue, VenueMarket
from kraken_core.ports import Access
from kraken_core.sources.rest.failures import NoAnswerError, nonsense, refused_by
from kraken_core.sources.rest.json_rows import CandleRow, candle_answer, decimal, document, messages, read_rows
from kraken_core.sources.rest.numbers import whole_number
from kraken_core.sources.rest.patient_client import LOG, PatientClient
from kraken_core.sources.rest.retries import budget_of
from kraken_core.sources.rest.transport import Transport, timeout_of
from kraken_core.sources.rest.waiting import Waiting

NAME = "kraken-futures"
RESOLUTIONS = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}  # by minutes
A_PAGE = 1_000  # candles to request at once: answers of up to 1,800 are on record, and were cut at 2,000
CHARTS, INSTRUMENTS = "api/charts/v1/trade", "derivatives/api/v3/instruments"
EXECUTIONS, FUNDING = "api/history/v3/market/{}/executions", "derivatives/api/v4/historicalfundingrates"
_MS = 1_000_000  # nanoseconds a millisecond
# PF_XBTUSD (perpetual, in base units), PI_ (perpetual, in contracts of a dollar); FF_ and FI_ with the day they end
_SYMBOL = re.compile(r"(PF|PI|FF|FI)_([A-Z0-9]{3,20})(_\d{6})?")
_PERPETUAL = ("PF_", "PI_")
_SIDES = {"Buy": "b", "Sell": "s"}
_T = TypeVar("_T")


def market(symbol: str) -> VenueMarket:
    """The contract of a symbol. Raises ValueError."""
    found = _SYMBOL.fullmatch(symbol.strip().upper())
    meanings = splits(found[2]) if found else []
    if not found or not meanings:
        raise ValueError("contracts are called like PF_XBTUSD, PI_XBTUSD or FF_XBTUSD_261225")
    base, quote, _ = shown_pair(*meanings[0])
    return VenueMarket(found[0], base, quote)


VENUE = Venue(NAME, "Kraken Futures", "https://futures.kraken.com", market, tuple(RESOLUTIONS), page=A_PAGE)


class KrakenFutures(PatientClient):
    """Its public API over HTTP: a :class:`~kraken_core.ports.Exchange`. Close it when done."""

    def __init__(self, access: Access, waiting: Waiting | None = None) -> None:
        waiting = waiting or Waiting(access.stop)
        super().__init__(
            Transport(access.url, timeout_of(access), access.stop, errors=_errors, setting="exchange_urls"),
            requests_per_second=access.requests_per_second,
            patience=budget_of(access),
            waiting=waiting,
        )
        self._listed: frozenset[Pair] = frozenset()

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        return self._request(f"{INSTRUMENTS}/status", _read(server_time), None, {})

    def status(self) -> str:
        """``online`` where it answers: it publishes no state of its own."""
        self.now()
        return "online"

    def listed(self) -> Listed:
        """The contracts that are traded now; those that have expired are not among them."""
        pairs, skipped = self._request(INSTRUMENTS, _read(_contracts), None, {})
        if skipped:
            LOG.warning("contracts of Kraken Futures whose names are not understood: %s", ", ".join(sorted(skipped)))
        self._listed = pairs
        return Listed((), skipped, venues=frozenset({NAME}), elsewhere=pairs)

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        """The candles of a series within a range, else the newest of a page, that were closed by ``as_of``."""
        where, query = chart_request(series, within or TimeRange(as_of - A_PAGE * series.width, as_of), young_s)
        return self._request(where, _read(lambda found: candles(found, series, as_of, young_s)), series.pair, query)

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        """Up to so many trades after a cursor (nanoseconds), 1,000 at most; they carry no ids that count."""
        query: dict[str, str | int] = {"since": max(cursor, 0) // _MS, "sort": "asc", "count": count}
        return self._request(
            EXECUTIONS.format(pair.altname), _read(lambda found: executions(found, cursor, count)), pair, query
        )

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade that is answered of the contract; None where there is none."""
        for time in self.trades(pair, 0, 1).trades["time"]:
            return FirstTrade(time // NS, None)
        return None

    def pays_funding(self, pair: Pair) -> bool:
        """Whether the contract is a perpetual: those with a day on which they end pay none."""
        return pair.altname.startswith(_PERPETUAL)

    def funding_rates(self, pair: Pair) -> FundingAnswer:
        """What is answered of a perpetual's funding: about a year of hours, some of which may be absent."""
        return self._request(FUNDING, _read(rates), pair, {"symbol": pair.altname})

    def _known_pairs(self) -> Iterable[Pair]:
        return self._listed

    def _probe(self, pair: Pair) -> None:
        query: dict[str, str | int] = {"since": 0, "sort": "asc", "count": 1}
        self._once(EXECUTIONS.format(pair.altname), _read(lambda found: executions(found, 0, 1)), pair, query)

    def _is_up(self) -> bool:
        try:
            self._once(f"{INSTRUMENTS}/status", _read(server_time), None, {})
        except NoAnswerError:
            return False
        return True


def chart_request(series: Series, within: TimeRange, young_s: int) -> tuple[str, dict[str, str | int]]:
    """The endpoint and the query for the candles of a range, those up to ``young_s`` seconds later, and one beyond.

    That one shows that the one before it had closed when the answer was made.
    """
    beyond = ceil(within.end + young_s, series.width)
    where = f"{CHARTS}/{series.pair.altname}/{RESOLUTIONS[series.interval]}"
    return where, {"from": within.start, "to": beyond + series.width - 1}


def candles(found: Mapping[str, Any], series: Series, as_of: int, young_s: int) -> OhlcAnswer:
    """Charts: the candles that were closed by ``as_of``, and whose slots are known; see Exchange.ohlc.

    A row without volume, flat, is a slot without trades. One that contradicts itself is not believed, and its slot
    stays unknown, as one without a row does.
    """
    rows = found.get("candles")
    if not isinstance(rows, list):
        raise nonsense("it has no candles")
    return candle_answer(rows, _candle, series, as_of, young_s)


def executions(found: Mapping[str, Any], cursor: int, count: int) -> TradesPage:
    """Executions: up to ``count`` of them after a cursor; those that cannot be read make what is around unknown."""
    elements = found.get("elements")
    if not isinstance(elements, list):
        raise nonsense("it has no elements")
    rows, skipped = read_rows(elements, _execution)
    page = pl.DataFrame(rows, schema=PAGE, orient="row").sort("time", maintain_order=True)
    page = page.filter(pl.col("time") > cursor)
    following = max(cursor, int(page["time"][-1]) - 1) if len(page) else cursor
    # Where in the page the unread ones were made is not looked for: all that it spans is unknown.
    last = int(page["time"][-1]) // NS + 1 if len(page) else END_OF_TIME
    unknown = TimeRanges.single(max(cursor, 0) // NS, last) if skipped else TimeRanges()
    return TradesPage(page, following, len(elements) < count, skipped, unknown)


def rates(found: Mapping[str, Any]) -> FundingAnswer:
    """Funding rates, by time. Those that cannot be read, or differ of one instant, cost only themselves."""
    rows = found.get("rates")
    if not isinstance(rows, list):
        raise nonsense("it has no rates")
    read, skipped = read_rows(rows, _rate)
    at = Counter(rate.time for rate in set(read))
    differ = tuple(f"different rates of {iso(time)}" for time, number in sorted(at.items()) if number > 1)
    return FundingAnswer(sorted(rate for rate in set(read) if at[rate.time] == 1), skipped + differ)


def server_time(found: Mapping[str, Any]) -> int:
    """The exchange's clock."""
    try:
        return _instant(found.get("serverTime"))
    except ValueError as error:
        raise nonsense("a clock without time") from error


def _candle(row: Mapping[str, Any]) -> CandleRow:
    """Raises ValueError where it contradicts itself."""
    time, rest = divmod(_whole(row["time"]), 1_000)
    found = CandleRow(time, *(decimal(row[name]) for name in (*PRICES, "volume"))).checked()
    if rest or (not found.volume and found.high != found.low):
        raise ValueError("prices moved without volume, or within a slot")
    return found


def _execution(element: Mapping[str, Any]) -> tuple[Any, ...]:
    made = element["event"]["Execution"]["execution"]
    price, volume = decimal(made["price"]), decimal(made["quantity"])
    if not price or not volume:
        raise ValueError("not a trade")
    side = _SIDES[made["takerOrder"]["direction"]]
    return _whole(made["timestamp"]) * _MS, float(price), volume, None, f"{side}m"


def _whole(value: object) -> int:
    """Milliseconds. Raises ValueError."""
    number = whole_number(value, END_OF_TIME * 1_000)
    if number is None:
        raise ValueError("not an instant")
    return number


def _read(of: Callable[[Mapping[str, Any]], _T]) -> Callable[[bytes], _T]:
    """Reads a body of JSON. Raises NoAnswerError."""

    def read(body: bytes) -> _T:
        found = document(body)
        if not isinstance(found, dict):
            raise nonsense("it is no object")
        if found.get("result") == "error":
            raise refused_by(_errors(body) or ["an error"])
        return of(found)

    return read


def _errors(body: bytes) -> list[str]:
    """What a refusal says."""
    return messages(body, ("error", "errors", "type", "status", "message"))


def _instant(text: object) -> int:
    """An instant as a text. Raises ValueError, also where it does not say of which zone it is."""
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None or not 0 <= found.timestamp() < END_OF_TIME:
        raise ValueError("not an instant")
    return int(found.timestamp())


def _contracts(found: Mapping[str, Any]) -> tuple[frozenset[Pair], dict[str, str]]:
    rows = found.get("instruments")
    if not isinstance(rows, list) or not rows:
        raise nonsense("it lists no instruments")
    pairs, skipped = set(), {}
    for row in rows:
        symbol = str(row.get("symbol")) if isinstance(row, dict) else "?"
        try:
            of = market(symbol)
        except ValueError:
            skipped[symbol] = "it is no contract's name"
        else:
            pairs.add(Pair(of.base, of.quote, f"{NAME}{SEPARATOR}{of.symbol}"))
    return frozenset(pairs), skipped


def _rate(row: Mapping[str, Any]) -> FundingRate:
    """Raises one of UNREADABLE where it is no rate."""
    found = FundingRate(_instant(row["timestamp"]), float(row["fundingRate"]), float(row["relativeFundingRate"]))
    if not (isfinite(found.absolute) and isfinite(found.relative)):
        raise ValueError("no number")
    return found


class KrakenFuturesPlugin:
    """An :class:`~kraken_core.ports.ExchangePlugin`."""

    venue: Venue = VENUE

    def open(self, access: Access) -> KrakenFutures:
        """Its public API, at an address and a pace."""
        return KrakenFutures(access)


KRAKEN_FUTURES = KrakenFuturesPlugin()
