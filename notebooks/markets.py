"""What the notebooks look at: a simulated market with known defects, and real files where they lie beside the project.

The defects are those found in published archives: the last candle partial, an edge slot absent, a file lost, a release
whose volumes are off, and an exchange that stood still.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from kraken_core import Workbench
from kraken_core.domain.archives import day_start
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from kraken_core.simulator.renaming import SimulatedRename

BTC_USD, BTC_EUR, ETH_USD, BNT_EUR = (Pair(*names.split("/")) for names in ("BTC/USD", "BTC/EUR", "ETH/USD", "BNT/EUR"))
START, QUARTER, FIRST_DAYS, PRESENT = (
    day_start(date(2023, *day)) for day in ((5, 1), (7, 1), (7, 20), (8, 1))
)  # the releases end where the second and the third say
REAL = Path(os.environ.get("KRAKEN_REAL_FILES") or Path(__file__).parents[2] / "shared" / "data")
WHERE_REAL_FILES_GO = (
    "Put Kraken's own, such as XBTUSD_60.csv out of an OHLCVT archive, into the folder shared/data/dump beside the checkout, "
    "or name a folder that has such a dump/ in the variable KRAKEN_REAL_FILES."
)


@cache
def folder() -> Path:
    """A folder for archives and homes, which goes when the notebook's process ends."""
    folders.append(tempfile.TemporaryDirectory(prefix="kraken-notebook-"))
    return Path(folders[-1].name)


folders: list[tempfile.TemporaryDirectory[str]] = []


@cache
def market() -> SimulatedMarket:
    """Four pairs over three months: from one that trades every minute to one that trades twice a day."""
    listings = [
        Listing(BTC_USD, 1.0, 28_000, 1, 0.05),
        Listing(BTC_EUR, 0.3, 26_000, 1, 0.03),
        Listing(ETH_USD, 0.5, 1_850, 2, 0.8),
        Listing(BNT_EUR, 0.0015, 0.5, 4, 120),
    ]
    stood_still = day_start(date(2023, 6, 14)) + 22 * 3600
    return SimulatedMarket.make(11, listings, START, PRESENT, TimeRanges.single(stood_still, stood_still + 4 * 3600))


@cache
def archives() -> dict[str, Path]:
    """Three releases, by what is remarkable about them."""
    edge = {Series(BTC_USD, 1440): 900, Series(ETH_USD, 720): 43_200}  # seconds before the end, when they stopped
    made = {
        "full": Release("Kraken_OHLCVT_Full_2023Q2.zip", START, QUARTER, edge=edge),
        "volumes off": Release("Kraken_OHLCVT_Q2_2023.zip", START, QUARTER, volume_error=0.0025),
        "a file lost": Release(
            "Kraken_OHLCVT_2023Q3.zip", QUARTER, FIRST_DAYS, manifest=True, lost=[Series(ETH_USD, 1)]
        ),
    }
    return {name: write_release(market(), release, folder() / name.replace(" ", "-")) for name, release in made.items()}


def ingested(name: str, sources: Sequence[str | Path], *, exchange: str = "", **request: object) -> Workbench:
    """A home with everything in the sources, and in answers of the exchange at an address, if there is one."""
    home = folder() / name
    home.mkdir()
    if exchange:
        (home / "kraken.toml").write_text(f'api_url = "{exchange}"\nrequests_per_second = 10\n', encoding="utf-8")
    workbench = Workbench.open(home)
    workbench.run(workbench.plan(sources=sources, api_backfill=bool(exchange), **{"tier": "ALL", **request}))
    return workbench


def simulated() -> Workbench:
    """A home with the full release and the one that lost a file, as of the simulated market's present."""
    return ingested("home", [archives()["full"], archives()["a file lost"]], start_date="2023-05-01", as_of=PRESENT)


def opened(home: str, files: str = "") -> Workbench:
    """The home of that name, or one of those files, or the simulated market's where neither is named.

    Files are read into a home that goes with the notebook; the exchange is not asked.
    """
    if home:
        return Workbench.open(home)
    return ingested("yours", [files], start_date="2013-01-01") if files else simulated()


def whole() -> Workbench:
    """A home with an archive of all that the simulated market traded."""
    everything = Release("Kraken_OHLCVT_2023Q3.zip", START, PRESENT, manifest=True)
    return ingested(
        "whole",
        [write_release(market(), everything, folder() / "whole-market")],
        start_date="2023-05-01",
        as_of=PRESENT,
    )


def perishing() -> Workbench:
    """A home with four months of a market in which coins fall and are delisted, and one is renamed."""
    start, end, renamed = (day_start(date(2024, *day)) for day in ((7, 1), (11, 1), (9, 4)))
    last_days = {"OMG": (8, 9), "REN": (8, 30), "SRM": (9, 20), "KEEP": (10, 11)}
    ends = {coin: day_start(date(2024, *day)) for coin, day in last_days.items()}
    staying = [
        Listing(Pair(coin, "USD"), 0.02, 10, 4, 50, daily_drift=0.001)
        for coin in ("ADA", "ALGO", "ATOM", "DOT", "LINK", "LTC", "MATIC", "XLM")
    ]
    falling = [
        Listing(Pair(coin, "USD"), 0.02, 10, 4, 50, lives=(TimeRange(start, end),), daily_drift=-0.03)
        for coin, end in ends.items()
    ]
    rename = SimulatedRename(Pair("MATIC", "USD"), Pair("POL", "USD"), renamed)
    market = SimulatedMarket.make(3, [*staying, *falling], start, end, renames=[rename])
    days = Release("Kraken_OHLCVT_2024H2.zip", start, end, manifest=True, intervals=(60, 1440))
    archive = write_release(market, days, folder() / "perishing-market")
    with SimulatedExchange(market, limits=None) as exchange:  # which tells what it lists no more
        asked_for = {"start_date": "2024-07-01", "intervals": [60, 1440], "trades": False}
        return ingested("perishing", [archive], exchange=exchange.url, **asked_for)


def asked(name: str, **request: object) -> Workbench:
    """A home that was filled by asking the simulated market's exchange, and nobody else."""
    with SimulatedExchange(market(), limits=None) as exchange:
        pairs = [BTC_USD, ETH_USD, BNT_EUR]
        return ingested(name, [], exchange=exchange.url, tier=None, pairs=pairs, as_of=PRESENT, **request)


def planted(pair: str, interval: int, candles: pd.DataFrame) -> tuple[Workbench, dict[str, pd.Timestamp]]:
    """A home with a copy of some candles of which three are wrong; and what is wrong with them, by open time."""
    wrong = candles[["open", "high", "low", "close", "volume", "trades"]].copy()
    places = {fault: len(wrong) * (n + 1) // 4 for n, fault in enumerate(("decimal point", "high", "volume"))}
    wrong.iloc[places["decimal point"], :4] *= 10
    wrong.iloc[places["high"], 1] *= 1.6
    wrong.iloc[places["volume"], 4] *= 1_000
    wrong.insert(0, "time", [int(time.timestamp()) for time in wrong.index])
    here = folder() / "planted-files"
    here.mkdir()
    wrong.to_csv(here / Series(Pair(*pair.split("/")), interval).file_name, header=False, index=False)
    first, last = wrong.index[0], wrong.index[-1]
    as_of = last + pd.Timedelta(days=2)
    home = ingested("planted", [here], start_date=str(first.date()), as_of=as_of.isoformat())
    return home, {fault: wrong.index[place] for fault, place in places.items()}


def real() -> Workbench | None:
    """A home with Kraken's own files, 2013 to 2025, where they lie beside the project; else None."""
    if not REAL.is_dir():
        return None
    return ingested("real", [REAL / "dump"], start_date="2013-01-01", as_of="2025-04-01")


def real_trades() -> Workbench | None:
    """A home with an hour of recorded trades, where they lie beside the project, without the one a collector repeated."""
    recorded = REAL / "trades" / "XBTUSD_trades_20190701T00.csv"
    if not recorded.exists():
        return None
    rows = [line.split(",") for line in recorded.read_text(encoding="utf-8").splitlines()]
    rows.pop(1000)
    here = folder() / "Kraken_Trading_History_Q3_2019"
    here.mkdir()
    (here / "XBTUSD.csv").write_text(
        "".join(f"{int(ms) / 1000:.3f},{price},{volume}\n" for ms, price, volume in rows), encoding="utf-8"
    )
    return ingested("trades", [here], start_date="2019-07-01", end_date="2019-07-01", as_of="2019-07-02")
