"""Archives that lie in the middle of files, what verifying finds of them, and what is held and known after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.checks import Verification
from kraken_core.pipeline.crosscheck import NOTHING_NEW, CrossCheck
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout
from tests.acceptance.judging import COMPARED
from tests.support.helping import ingest, table
from tests.support.strategies import START

BTC, ETH, ADA, XRP = (Pair(base, "USD") for base in ("BTC", "ETH", "ADA", "XRP"))
DAYS = [START + day * DAY_S for day in range(9)]
ASLEEP = TimeRange(DAYS[3] + 7 * 3600, DAYS[3] + 9 * 3600)
SLEPT = TimeRange(ASLEEP.start - 300, ASLEEP.end + 180)  # as it happened, nothing traded just before and behind
EXACT = [name for name in COMPARED if name != "volume"]


def stated(name: str = "release", first: int = 0, end: int = 8, **details: object) -> Release:
    """A release with a manifest of some days; of two, the one of the later end is the newer."""
    return Release(f"{name}.zip", DAYS[first], DAYS[end], manifest=True, **details)  # type: ignore[arg-type]


def traded_slot(market: SimulatedMarket, series: Series, *, after: int = DAYS[1], before: int = DAYS[7]) -> TimeRanges:
    """A slot of a series in which something traded."""
    start = next(at for at, _ in market.traded(series.pair, series.interval).clip(after, before))
    return TimeRanges.single(start, start + series.width)


def verify(home: Path, **words: Any) -> Verification:
    with Workbench.open(home) as workbench:
        return workbench.verify(**words)


def ingest_unchecked(home: Path, market: SimulatedMarket, *sources: Path) -> None:
    """A job that does not hold what it read against other intervals, as those of earlier versions did not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CrossCheck, "run", lambda *_: NOTHING_NEW)
        ingest(home, market, *sources)


def failed(found: Verification) -> dict[str, int]:
    return {check.name: check.failed for check in found.checks if check.failed}


def gaps(home: Path, series: Series) -> list[GapRecord]:
    with Workbench.open(home) as workbench:
        return workbench.ledger.gaps([series])


def state(home: Path) -> tuple[pl.DataFrame, object, object]:
    with Workbench.open(home) as workbench:
        return table(workbench), workbench.ledger.coverage(), [g._replace(id=None) for g in workbench.ledger.gaps()]


def assert_true(home: Path, market: SimulatedMarket) -> None:
    """In every covered slot there is the true candle, or none where none traded."""
    with Workbench.open(home) as workbench:
        held, coverage = table(workbench), workbench.ledger.coverage()
    for pair in market.listings:
        for interval in INTERVALS:
            known = TimeRanges.of((c.start, c.end) for c in coverage if c.series == Series(pair, interval))
            mine, truth = (
                frame.filter(
                    pl.col("pair") == str(pair),
                    pl.col("interval_minutes") == interval,
                    pl.any_horizontal(
                        pl.lit(value=False),
                        *(pl.col("time").dt.epoch("s").is_between(start, end, closed="left") for start, end in known),
                    ),
                ).sort("time")
                for frame in (held, market.truth(pair, interval))
            )
            assert_frame_equal(mine.select(EXACT), truth.select(EXACT))
            assert_frame_equal(mine.select("volume"), truth.select("volume"), rel_tol=0, abs_tol=1e-8 * 1440)


def minutes(name: str, *without: Series, dropped: dict[Series, TimeRanges] | None = None) -> Release:
    """Minutes of some pairs, of which a folder without a manifest states nothing but what is in it."""
    others = frozenset(without)
    return Release(
        name, DAYS[0], DAYS[8], intervals=(1,), layout=ReleaseLayout.FOLDER, without=others, dropped=dropped or {}
    )
