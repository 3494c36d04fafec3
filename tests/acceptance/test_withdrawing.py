"""What is withdrawn of archives that lie: whenever one verifies, beside crashes and jobs, and whatever is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import Source
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S
from tests.acceptance.lying_archives import (
    ADA,
    BTC,
    DAYS,
    ETH,
    assert_true,
    failed,
    ingest_unchecked,
    state,
    stated,
    traded_slot,
    verify,
)
from tests.support.helping import folder, ingest, written

pytest_plugins = ["tests.acceptance.sleeping_exchange"]


def assert_same(left: Path, right: Path) -> None:
    mine, theirs = state(left), state(right)
    assert_frame_equal(mine[0], theirs[0])
    assert mine[1:] == theirs[1:]


# ------------------------------------------------------------------------------------------------- order, crashes, jobs


@pytest.mark.parametrize(
    "verifying",
    [pytest.param((0,), marks=pytest.mark.soak), pytest.param((1,), marks=pytest.mark.soak), (0, 1)],
    ids=str,
)
@pytest.mark.soak
def test_the_outcome_does_not_depend_on_when_one_verifies(
    market: SimulatedMarket, tmp_path: Path, verifying: Sequence[int]
) -> None:
    hours, minutes = Series(BTC, 60), Series(ETH, 1)
    lies = {hours: traded_slot(market, hours), minutes: traded_slot(market, minutes)}
    paths = written(market, [stated("one", 0, 4, dropped=lies), stated("two", 3, 8)], tmp_path)
    for name, order in (("here", paths), ("there", list(reversed(paths)))):
        for number, path in enumerate(order):
            ingest(tmp_path / name, market, path)
            if number in verifying:
                verify(tmp_path / name)
        verify(tmp_path / name)
        ingest(tmp_path / name, market, *paths)
    assert_same(tmp_path / "here", tmp_path / "there")
    assert_true(tmp_path / "here", market)
    assert failed(verify(tmp_path / "here")) == {}


def test_a_crash_between_the_candles_and_the_claims_is_made_good_by_verifying_again(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    release = stated(intervals=(1, 60), edge={}, dropped={Series(ETH, 60): traded_slot(market, Series(ETH, 60))})
    for name in ("smooth", "crashed"):
        ingest_unchecked(tmp_path / name, market, *written(market, [release], tmp_path / "market"))
    with Workbench.open(tmp_path / "crashed") as workbench:
        found = workbench.verify(report_only=True)
        workbench.store.commit([], demote=found.suspects)
    for name in ("smooth", "crashed"):
        verify(tmp_path / name)
    assert_same(tmp_path / "smooth", tmp_path / "crashed")


def test_a_verification_is_undone_and_then_the_job_of_the_archive_that_lied(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    hours, minutes = Series(BTC, 60), Series(ETH, 1)
    lies = {hours: traded_slot(market, hours), minutes: traded_slot(market, minutes)}
    [path] = written(market, [stated(dropped=lies)], tmp_path)
    ingest_unchecked(tmp_path, market, path)
    before = state(tmp_path)
    verify(tmp_path)
    assert state(tmp_path)[1] != before[1]
    with Workbench.open(tmp_path) as workbench:
        for job in (2, 1):
            workbench.undo(job)
    assert_frame_equal(state(tmp_path)[0], before[0].clear())


def test_to_report_only_withdraws_nothing(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    ingest_unchecked(home, market, *written(market, [stated(dropped={hours: traded_slot(market, hours)})], tmp_path))
    before = state(home)
    for _ in range(2):
        found = verify(home, report_only=True)
        assert failed(found) == {"silences": 1, "agreement": 1}
        assert found.note == "nothing was withdrawn (--report-only)."
    after = state(home)
    assert_frame_equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_beside_a_running_job_nothing_is_withdrawn(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    [path] = written(market, [stated(dropped={hours: traded_slot(market, hours)})], tmp_path)
    ingest_unchecked(home, market, path)
    with Workbench.open(home) as workbench:
        [done] = workbench.jobs()
        waiting = workbench.ledger.create_job(done.request, done.as_of, [], done.metrics)
        far = workbench.clock.now() + 3600
        running = workbench.ledger.move(waiting, waiting.mark_running("elsewhere:1:2", far))
        found = workbench.verify()
        assert failed(found) == {"silences": 1, "agreement": 1}
        assert f"job {running.id} is running" in found.note
        assert workbench.ledger.gaps([hours]) == []
        workbench.ledger.move(running, running.mark_paused())
        assert "1 slot of BTC/USD 1h withdrawn, now gaps" in workbench.verify().note
        job = workbench.jobs()[0]
        assert job.status is JobStatus.COMPLETED
        assert BTC in job.request.pairs


def test_nothing_is_withdrawn_of_what_has_changed_since_it_was_looked_at(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    made = [stated(dropped={hours: traded_slot(market, hours)}), stated("more", 0, 2)]
    lying, more = written(market, made, tmp_path)
    ingest_unchecked(home, market, lying)
    with Workbench.open(home) as workbench:
        seen: list[bool] = []

        def meanwhile(_: object) -> None:
            if not seen:
                seen.append(True)
                ingest(home, market, more)

        assert "have changed meanwhile" in workbench.verify(progress=meanwhile).note
        assert workbench.ledger.gaps([hours]) == []


# ----------------------------------------------------------------------------------------------------- whatever is lost


@given(st.data())
@settings(
    deadline=None,
    max_examples=2,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_whatever_rows_are_lost_below_an_interval_that_lacks_none_nothing_false_stays_covered(
    market: SimulatedMarket, data: st.DataObject
) -> None:
    check_losses(data, market)


@pytest.mark.soak
@given(st.data())
@settings(
    deadline=None,
    max_examples=500,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_whatever_rows_are_lost_hundreds_of_times(market: SimulatedMarket, data: st.DataObject) -> None:
    check_losses(data, market)


def check_losses(data: st.DataObject, market: SimulatedMarket) -> None:
    """Rows of any interval but days, before the last one: the days tell of every trade."""
    dropped = data.draw(_losses(market))
    with folder() as here:
        [path] = written(market, [stated(intervals=INTERVALS, dropped=dropped)], here / "archives")
        ingest(here / "home", market, path)
        verify(here / "home")
        ingest(here / "home", market, path)
        once = state(here / "home")
        assert failed(verify(here / "home")) == {}
        again = state(here / "home")
        assert_frame_equal(once[0], again[0])
        assert once[1:] == again[1:]
        assert_true(here / "home", market)
        with Workbench.open(here / "home") as workbench:
            assert {c.source for c in workbench.ledger.assertions() if c.withdrawn} <= {Source.CSV, Source.DERIVED}


@st.composite
def _losses(draw: st.DrawFn, market: SimulatedMarket) -> Mapping[Series, TimeRanges]:
    losses: dict[Series, TimeRanges] = {}
    for _ in range(draw(st.integers(1, 5))):
        series = Series(draw(st.sampled_from((BTC, ETH, ADA))), draw(st.sampled_from(INTERVALS[:-1])))
        first = draw(st.integers(0, 7 * DAY_S // series.width - 1))
        count = draw(st.integers(1, max(1, 7200 // series.width)))
        end = min(DAYS[0] + (first + count) * series.width, DAYS[7])
        losses[series] = losses.get(series, TimeRanges()) | TimeRanges.single(DAYS[0] + first * series.width, end)
    return losses
