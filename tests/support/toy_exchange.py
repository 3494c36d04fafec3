"""An exchange of somebody else: a package with one module, which knows nothing of Kraken."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
"""Prices that follow from the time: a trade a quarter of an hour, none in hours that 5 divides."""

import polars as pl

from kraken_core.domain.candles import SCHEMA, TIME, Source, rank_of
from kraken_core.domain.errors import PairRefusedError
from kraken_core.domain.exchange import FirstTrade, Listed, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.trades import PAGE
from kraken_core.domain.venues import Venue, VenueMarket

NOW, LISTED = 1_774_000_000, 1_771_200_000


def market(symbol):
    base, dash, quote = symbol.upper().partition("-")
    if not (base.isalpha() and dash and quote.isalpha()):
        raise ValueError("markets are called like BTC-USD")
    return VenueMarket(f"{base}-{quote}", base, quote)


class Toy:
    venue = Venue("toy", "Toy Exchange", "http://toy.invalid", market, (60, 1440), page=100, newest=%(newest)s)

    def open(self, access):
        return ToyClient(access.url)


def price(hour):
    return 100.0 + hour %% 7


class ToyClient:
    requests = retries = 0

    def __init__(self, url):
        self.url = url

    def now(self):
        return NOW

    def status(self):
        return "online"

    def listed(self):
        pairs = frozenset({Pair("BTC", "USD", "toy:BTC-USD"), Pair("FOO", "BAR", "toy:FOO-BAR")})
        return Listed(venues=frozenset({"toy"}), elsewhere=pairs)

    def ohlc(self, series, as_of, young_s=0, within=None):
        type(self).requests += 1
        if series.pair.base != "BTC":
            raise PairRefusedError(f"{series.pair}: it has no candles")
        width = series.width
        start, end = within or TimeRange(as_of - 100 * width, as_of)
        opens = range(max(floor(start, width), floor(LISTED, width)), min(end, floor(as_of, width)), width)
        opens = opens[: 100] if within else opens[-100:]
        rows = []
        for at in opens:
            hours = [hour for hour in range(at // 3600, (at + width) // 3600) if hour %% 5 and hour * 3600 >= LISTED]
            if hours:
                prices = [price(hour) for hour in hours]
                made = (prices[0], max(prices), min(prices), prices[-1], 4.0 * len(hours), 4 * len(hours))
                rows.append((str(series.pair), series.interval, at * 1_000_000, *made, "ohlc", rank_of(Source.OHLC)))
        frame = pl.DataFrame(rows, schema={**SCHEMA, "time": pl.Int64}, orient="row")
        frame = frame.with_columns(pl.col("time").cast(TIME))
        return OhlcAnswer(frame, TimeRanges.of((at, at + width) for at in opens), len(rows))

    def trades(self, pair, cursor, count=1000):
        return TradesPage(pl.DataFrame(schema=PAGE), cursor, True)

    def first_trade(self, pair):
        type(self).requests += 1
        return FirstTrade(LISTED, 1)


TOY = Toy()
'''
ENTRY_POINTS = "[kraken_history.exchanges]\ntoy = toy_exchange:TOY\n"
METADATA = "Metadata-Version: 2.1\nName: toy-exchange\nVersion: 1.0\n"


def install(folder: Path, newest: int | None) -> Path:
    """Put the package into a folder, as an installer does; it is found once that is on the path of modules."""
    described = folder / "toy_exchange-1.0.dist-info"
    described.mkdir(parents=True)
    (folder / "toy_exchange.py").write_text(MODULE % {"newest": newest}, encoding="utf-8")
    (described / "METADATA").write_text(METADATA, encoding="utf-8")
    (described / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    return folder
