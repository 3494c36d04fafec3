from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import FULL_SCHEMA
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.support.strategies import FIRST_DAY


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder; hypothesis runs many examples in one test, and pytest's tmp_path is one a test."""
    with TemporaryDirectory() as name:
        yield Path(name)


def ingest(home: Path, market: SimulatedMarket, *sources: Path, **request: object) -> None:
    """One job over everything in the sources, from the market's first day to its present."""
    with Workbench.open(home) as workbench:
        asked = {"tier": "ALL", "start_date": FIRST_DAY, "api_backfill": False, **request}
        workbench.run(workbench.plan(sources=sources, as_of=market.end, **asked))


def written(market: SimulatedMarket, releases: Sequence[Release], directory: Path) -> list[Path]:
    """Each release in a folder of its own."""
    return [write_release(market, release, directory / str(number)) for number, release in enumerate(releases)]


def table(workbench: Workbench) -> pl.DataFrame:
    """Every candle held, with its rank, and its average where it has one."""
    series = [Series(record.pair, interval) for record in workbench.ledger.pairs() for interval in INTERVALS]
    return workbench.store.candles({each: TimeRanges.single(0, END_OF_TIME) for each in series}, FULL_SCHEMA)


def in_soak(*cases: object) -> list[Any]:
    """Cases of a parametrized test, values or tuples of them, that only the long tests run."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.soak) for case in cases]
