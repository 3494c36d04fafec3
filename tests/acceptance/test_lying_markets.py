"""Everything at once: damaged, misnamed and re-issued files, an exchange that lies, jobs in any order, interrupted.

Whatever they told: what is called complete is, no candle is made up, and no settled one is wrong.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import UNFINISHED, JobStatus
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.simulator.exchange import ExchangeClock, Faults, SimulatedExchange, TapeFaults
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import ReleaseLayout
from tests.acceptance.never_false import assert_nothing_false
from tests.acceptance.user import User
from tests.support.helping import folder, written
from tests.support.lies import numberings, scripts, spoiled_folders, tape_faults
from tests.support.strategies import HOUR_S, RATES, START, markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RATES_OF_PAGES = (*RATES, 1.0)  # of some, tapes have several pages


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    drawn = [replace(release, layout=ReleaseLayout.FOLDER) for release in data.draw(releases(market))]
    with folder() as here:
        archives = written(market, drawn, here / "archives")
        others: set[Pair] = set()
        for archive in archives:
            others.update(data.draw(spoiled_folders(archive)))
        numbering = data.draw(numberings(), label="numbering")
        clock = ExchangeClock(START + 24 * HOUR_S)
        with SimulatedExchange(market, clock=clock, limits=None) as exchange:
            user = User(here / "home", market, exchange)
            for _ in range(data.draw(st.integers(1, 4), label="rounds")):
                hours = data.draw(st.integers(0, 60), label="hours pass")
                clock.advance(min(hours * HOUR_S, market.end - user.present))
                out = [path for path, release in zip(archives, drawn, strict=True) if release.end <= user.present]
                step(data, user, numbering, out)
                assert_not_false(user, others)
            clock.advance(market.end + SETTLING_S - user.present)
            lie(data, user, numbering)
            user.resume()
            user.ingest(*archives)
            assert_not_false(user, others)
            exchange.tape_faults, exchange.faults = numbering, Faults()
            user.resume()
            user.ingest(*archives)
            assert_not_false(user, others)


def lie(data: st.DataObject, user: User, numbering: TapeFaults) -> None:
    """The exchange lies anew, or not."""
    user.exchange.tape_faults = data.draw(tape_faults(numbering), label="tape")
    user.exchange.faults = data.draw(scripts(user.market), label="faults")


def step(data: st.DataObject, user: User, numbering: TapeFaults, archives: list[Path]) -> None:
    """A job runs to its end or is interrupted."""
    lie(data, user, numbering)
    sources = data.draw(st.lists(st.sampled_from(archives), unique=True), label="sources") if archives else []
    if data.draw(st.booleans(), label="interrupted"):
        user.stopped = After(data.draw(st.integers(1, 60), label="looks"))
    what = data.draw(st.sampled_from(JOBS), label="job")
    if what == "backfill":
        user.backfill()
    elif what == "resume":
        user.resume()
    else:
        user.ingest(*sources, **INGESTS[what])
    user.stopped = lambda: False


INGESTS: dict[str, dict[str, Any]] = {
    "all": {},
    "without asking": {"api_backfill": False},
    "without filling": {"auto_gap_fill": False},
    "without trades": {"trades": False},
    "incremental": {"incremental": True},
    "of few requests": {"complete": False, "max_requests": 3},
    "of the usual requests": {"complete": False},
    "of few intervals": {"intervals": [1, 60, 720]},
    "of others": {"intervals": [15, 1440]},
}
JOBS = ["all", *INGESTS, "backfill", "resume"]


class After:
    """Says stop when it was asked so often."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def assert_not_false(user: User, others: set[Pair]) -> None:
    """What is held is true, and the ledger does not contradict itself."""
    with Workbench.open(user.home) as bench:
        assert_nothing_false(bench, user.market, others)
        coverage, gaps, jobs = bench.ledger.coverage(), bench.ledger.gaps(), bench.jobs()
        assert all(covered.end <= user.present for covered in coverage)
        if not any(job.status in UNFINISHED for job in jobs):
            assert not [gap for gap in gaps if gap.status is GapStatus.BACKFILLING]
        if jobs and jobs[0].status is JobStatus.COMPLETED and jobs[0].request.intervals == INTERVALS:
            missing = {line.series: line.counts.missing for line in bench.holdings.report(bench.select()).series}
            open_slots: Counter[Series] = Counter()
            for gap in gaps:
                open_slots[gap.series] += gap.candles
            assert open_slots == {series: count for series, count in missing.items() if count}, (
                "gaps are not what is missing"
            )


@given(data=st.data(), market=markets(RATES_OF_PAGES))
@settings(whole_jobs, max_examples=2)
def test_whatever_files_and_exchange_tell_nothing_false_is_called_complete(
    data: st.DataObject, market: SimulatedMarket
) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets(RATES_OF_PAGES))
@settings(whole_jobs, max_examples=3000)
def test_in_thousands_of_lying_markets_nothing_false_is_called_complete(
    data: st.DataObject, market: SimulatedMarket
) -> None:
    check(data, market)
