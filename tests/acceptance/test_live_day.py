"""A whole day of a live history, on fifty pairs and a bad line: all is stored as it was traded, and nothing grows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges, day_start
from tests.support.live_day import BAD_LINE, HOUR_S, DiskUse, followed_day, market_of
from tests.support.live_exchange import assert_stored_is_true, live_exchange

BEGINS = day_start(date(2026, 3, 30)) - HOUR_S  # so that the candle of a day is open for nearly all of it
HOURS = 24
PAIRS = [Pair(f"T{number:02}", "USD") for number in range(50)]
UNTRADED_S = 1800  # that the quietest pair may be without a trade at the end: nothing proves those minutes yet


@pytest.mark.soak
def test_a_day_of_fifty_pairs_is_that_of_the_tape_and_nothing_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, market = tmp_path / "home", market_of(PAIRS, BEGINS, HOURS)
    with live_exchange(market, BEGINS, monkeypatch, BAD_LINE) as exchange:
        with followed_day(home, exchange, PAIRS) as day:
            day.follow(HOURS)
            disk = DiskUse.of(home)
        whole = TimeRanges.single(BEGINS, exchange.clock.now() - UNTRADED_S)
        assert exchange.stream.cut > 1_000
    assert_stored_is_true(home, market, PAIRS, INTERVALS)
    with Workbench.open(home) as workbench:
        jobs, covered = workbench.jobs(), workbench.ledger.coverage([Series(pair, 1) for pair in PAIRS])
    minutes = [each for each in covered if each.grade is Grade.PROVED]
    for pair in PAIRS:
        proved = TimeRanges.of((each.start, each.end) for each in minutes if each.series.pair == pair)
        assert whole - proved == TimeRanges(), pair
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    assert len(jobs) > 1.5 * HOURS  # one that streams and one that fills, about every hour
    assert sum(job.metrics.records_changed for job in jobs) == 0
    assert day.growth < 1.15
    assert day.moments[-1].descriptors < day.moments[0].descriptors + 20  # connections come and go
    assert disk.read < 300
