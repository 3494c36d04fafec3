"""A range that ends before it starts, or an interval that nothing stored makes, is refused: no row would mislead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from tests.support.command_line import Kraken
from tests.support.little_market import LittleMarket

BACKWARDS = ("2024-03-31", "2024-03-28")

READS: dict[str, Callable[[Workbench], object]] = {
    "candles": lambda bench: bench.candles("BTC/USD", 60, *BACKWARDS),
    "complete candles": lambda bench: bench.candles("BTC/USD", 60, *BACKWARDS, require_complete=True),
    "made candles": lambda bench: bench.candles("BTC/USD", "2h", *BACKWARDS),
    "scan": lambda bench: bench.scan("BTC/USD", 60, *BACKWARDS),
    "sql": lambda bench: bench.sql("from complete_candles('BTC/USD', 60, '{}', '{}')".format(*BACKWARDS)),
    "slots": lambda bench: bench.coverage_of("BTC/USD", 60, *BACKWARDS),
    "incomplete": lambda bench: bench.incomplete("BTC/USD", 60, *BACKWARDS),
    "revisions": lambda bench: bench.revisions("BTC/USD", 60, *BACKWARDS),
    "plot": lambda bench: bench.plot.candles("BTC/USD", 60, *BACKWARDS),
    "funding rates": lambda bench: bench.funding_rates("kraken-futures:PF_XBTUSD", *BACKWARDS),
}


@pytest.fixture
def bench(full_home: Path) -> Iterator[Workbench]:
    with Workbench.open(full_home) as opened:
        yield opened


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_range_that_ends_before_it_starts_is_refused(bench: Workbench, read: Callable[[Workbench], object]) -> None:
    with pytest.raises(UsageError) as refused:
        read(bench)
    assert "2024-03-31T00:00:00Z" in str(refused.value)
    assert "2024-03-28T00:00:00Z" in str(refused.value)


def test_a_range_of_nothing_has_no_candle(bench: Workbench) -> None:
    assert bench.candles("BTC/USD", 60, "2024-03-31", "2024-03-31").empty


def test_candles_that_nothing_stored_makes_are_refused(kraken: Kraken, little: LittleMarket) -> None:
    kraken.ingest(little.first, "--pairs", "BTC/USD", "--intervals", "60,1440")
    with Workbench.open(kraken.home) as bench:
        for more in ({}, {"fill": "previous"}, {"partial": True}):
            with pytest.raises(UsageError, match="BTC/USD 45m cannot be made: candles of 1h, 1d are stored"):
                bench.candles("BTC/USD", 45, **more)
        assert not bench.candles("BTC/USD", "2h").empty
