"""Small random markets, and honest releases of them, for property tests.

Markets last a few days and hold at most some two thousand trades. Releases tell no lies: what they lack is missing,
and only candles that the domain calls provisional are unfinished. Their dates are told by manifests or by nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout

FIRST_DAY = date(2026, 3, 30)
START = day_start(FIRST_DAY)
HOUR_S = 3600
RATES = (0.2, 0.05, 0.01, 0.001)  # trades a minute
# Price, price decimals, mean volume, volume decimals.
PAIRS = {
    Pair("BTC", "USD"): (97_000, 1, 0.05, 8),
    Pair("DOGE", "USD"): (0.16, 7, 900, 8),
    Pair("ADA", "USD"): (0.45, 6, 400, 2),
    Pair("PEPE", "USD"): (1.2e-05, 9, 2e6, 0),
    Pair("ETH", "EUR"): (3_100, 2, 1e-5, 8),
}


@st.composite
def markets(draw: st.DrawFn, rates: Sequence[float] = RATES) -> SimulatedMarket:
    """One to three pairs over two to five days and a part of one; some listed late, delisted or listed again."""
    days = draw(st.integers(2, 5))
    end = START + days * DAY_S + draw(st.integers(0, 1439)) * 60
    moments = st.integers(0, (end - START) // 60 - 1).map(lambda minute: START + minute * 60)
    silences = draw(st.lists(st.tuples(moments, st.integers(8, 404)), max_size=2))
    chosen = draw(st.lists(st.sampled_from(list(PAIRS)), min_size=1, max_size=3, unique=True))
    return SimulatedMarket.make(
        draw(st.integers(0, 2**32 - 1)),
        [draw(_listings(pair, end, rates)) for pair in chosen],
        START,
        end,
        TimeRanges.of((begin, min(begin + minutes * 60, end)) for begin, minutes in silences),
    )


@st.composite
def _listings(draw: st.DrawFn, pair: Pair, end: int, rates: Sequence[float]) -> Listing:
    hours = st.integers(0, (end - START) // HOUR_S).map(lambda hour: START + hour * HOUR_S)
    turns = sorted(draw(st.sets(hours, max_size=4)))  # listed, delisted, listed, delisted
    lives = tuple(map(TimeRange, turns[::2], [*turns[1::2], end] if len(turns) % 2 else turns[1::2]))
    return Listing(pair, draw(st.sampled_from(rates)), *PAIRS[pair], lives=lives)


@st.composite
def releases(draw: st.DrawFn, market: SimulatedMarket) -> list[Release]:
    """One to four releases of a market, of any days, overlapping or not."""
    count = draw(st.integers(1, 4))
    return [draw(_releases(market, f"release_{number}.zip")) for number in range(count)]


@st.composite
def _releases(draw: st.DrawFn, market: SimulatedMarket, name: str) -> Release:
    days = (market.end - START) // DAY_S
    first = draw(st.integers(0, days - 1))
    start = START + first * DAY_S
    manifest = draw(st.booleans())
    if manifest:
        end = START + (days - draw(st.integers(0, days - first - 1))) * DAY_S
    else:
        end = market.end - draw(st.integers(0, market.end - start - 1))
    intervals = draw(st.sampled_from((INTERVALS, (1, 60, 1440), (5, 15, 60, 240, 720, 1440), (720,))))
    files = st.sampled_from([Series(pair, interval) for pair in market.listings for interval in intervals])
    without = draw(st.sets(files, max_size=4))
    if manifest:  # one without a whole pair would assert that it did not trade
        kept = draw(st.sampled_from(intervals))
        without = {series for series in without if series.interval != kept}
    lost = draw(st.sets(files, max_size=3))
    return Release(
        name,
        start,
        end,
        draw(st.sampled_from((ReleaseLayout.FOLDER, ReleaseLayout.FOLDER, ReleaseLayout.ZIP, ReleaseLayout.SPLIT))),
        folder=draw(st.sampled_from(("", "master_q4", "2026/Q1"))),
        manifest=manifest,
        generated=FIRST_DAY + timedelta(days=draw(st.integers(10, 60))) if manifest else None,
        intervals=intervals,
        without=without,
        lost=lost,
        junk=draw(st.booleans()),
        edge=draw(_edges(market, intervals, without | lost)),
    )


@st.composite
def _edges(
    draw: st.DrawFn, market: SimulatedMarket, intervals: tuple[int, ...], absent: set[Series]
) -> dict[Series, int]:
    """Unfinished last candles, but never of a pair's finest series that is there."""
    seconds = draw(st.sampled_from((0, 90, HOUR_S, DAY_S)))
    if not seconds:
        return {}
    coarser = [
        Series(pair, interval)
        for pair in market.listings
        for interval in [i for i in intervals if Series(pair, i) not in absent][1:]
    ]
    return dict.fromkeys(draw(st.sets(st.sampled_from(coarser), max_size=6)) if coarser else (), seconds)
