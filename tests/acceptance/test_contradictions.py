"""Archives that lie in the middle of files: found by other intervals, taken back, and repaired by the next run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import Source
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.gaps import GapRecord, GapStatus
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification import Verification
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Layout, Release, series_of
from tests.acceptance.helping import folder, ingest, table, written
from tests.acceptance.judging import COMPARED
from tests.pocket_exchange import PocketExchange, at_pocket
from tests.strategies import START

BTC, ETH, ADA, XRP = (Pair(base, "USD") for base in ("BTC", "ETH", "ADA", "XRP"))
DAYS = [START + day * DAY_S for day in range(9)]
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
ASLEEP = TimeRange(DAYS[3] + 7 * 3600, DAYS[3] + 9 * 3600)
SLEPT = TimeRange(ASLEEP.start - 300, ASLEEP.end + 180)  # as it happened, nothing traded just before and behind
EXACT = [name for name in COMPARED if name != "volume"]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    """Eight days; the exchange sleeps two hours of them. ADA/USD leaves on the third day and returns on the sixth."""
    lives = (TimeRange(DAYS[0], DAYS[2] + 3600), TimeRange(DAYS[5] + 7200, DAYS[8]))
    listings = [
        Listing(BTC, 0.5, 97_000, 1, 0.05),
        Listing(ETH, 0.3, 3_100, 2, 0.8),
        Listing(XRP, 0.3, 0.6, 5, 300),
        Listing(ADA, 0.1, 0.45, 6, 400, lives=lives),
    ]
    return SimulatedMarket.make(11, listings, DAYS[0], DAYS[8], TimeRanges.single(*ASLEEP))


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


def failed(found: Verification) -> dict[str, int]:
    return {check.name: check.failed for check in found.checks if check.failed}


def series_named(examples: Iterable[str]) -> set[str]:
    return {example.partition(" [")[0] for example in examples}


def gaps(home: Path, series: Series) -> list[GapRecord]:
    with Workbench.open(home) as workbench:
        return workbench.ledger.gaps([series])


def state(home: Path) -> tuple[pl.DataFrame, object, object]:
    with Workbench.open(home) as workbench:
        return table(workbench), workbench.ledger.coverage(), [g._replace(id=None) for g in workbench.ledger.gaps()]


def assert_same(left: Path, right: Path) -> None:
    mine, theirs = state(left), state(right)
    assert_frame_equal(mine[0], theirs[0])
    assert mine[1:] == theirs[1:]


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


# ----------------------------------------------------------------------------------------------- nothing to complain of


def test_edges_sleep_delisting_and_silent_days_are_no_contradictions(market: SimulatedMarket, tmp_path: Path) -> None:
    """Last candles unfinished or absent, a pair of which two archives hold nothing, an exchange that slept."""
    unfinished = {Series(BTC, interval): 1800 for interval in (240, 720, 1440)}
    absent = {Series(ETH, interval): interval * 60 for interval in (5, 60, 240, 720, 1440)}
    made = [
        Release("old.zip", DAYS[0], DAYS[2] + 7200, edge={Series(BTC, 60): 600}),
        stated("first", 2, 4, edge=unfinished, without=series_of(ADA)),
        stated("second", 4, 6, edge=absent),
        stated("third", 6, 8),
    ]
    ingest(tmp_path / "home", market, *written(market, made, tmp_path))
    found = verify(tmp_path / "home")
    assert failed(found) == {}
    assert found.note == ""
    told = {check.name: check.examples for check in found.checks}
    assert told["exchange"] == (f"{SLEPT}: nothing traded on the whole exchange",)
    assert series_named(told["suspicious"]) == {"ADA/USD 1m"}
    assert_true(tmp_path / "home", market)


def test_a_pair_whose_file_alone_lacks_hours_does_not_make_the_exchange_sleep(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    lost = TimeRanges.single(DAYS[5], DAYS[5] + 4 * 3600)
    release = stated(intervals=(1,), dropped={Series(BTC, 1): lost})
    ingest(tmp_path / "home", market, *written(market, [release], tmp_path))
    found = verify(tmp_path / "home")
    told = {check.name: check.examples for check in found.checks}
    assert series_named(told["suspicious"]) == {"BTC/USD 1m", "ADA/USD 1m"}
    assert told["exchange"] == (f"{SLEPT}: nothing traded on the whole exchange",)
    assert found.ok


# -------------------------------------------------------------------------------------------------- what is found wrong


def test_a_coarse_candle_that_was_lost_is_missed_by_finer_ones_and_derived_by_the_next_run(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    slot = traded_slot(market, hours)
    [path] = written(market, [stated(dropped={hours: slot})], tmp_path)
    ingest(home, market, path)
    found = verify(home)
    assert failed(found) == {"silences": 1, "agreement": 1}  # the four hours around it tell of more trades, too
    assert found.suspects == {hours: slot}
    assert "1 slots of BTC/USD 60m were withdrawn" in found.note
    [gap] = gaps(home, hours)
    assert (TimeRanges.single(gap.start, gap.end), gap.route) == (slot, "derive")
    assert failed(verify(home)) == {}
    ingest(home, market, path)
    assert gaps(home, hours) == []
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_a_finest_candle_that_was_lost_ends_as_sources_disagree_and_the_same_file_never_reopens_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    slot = traded_slot(market, minutes)
    release = stated(dropped={minutes: slot})
    [path] = written(market, [release], tmp_path)
    ingest(home, market, path)
    found = verify(home)
    assert not found.ok
    assert slot & found.suspects[minutes] == slot
    five = TimeRanges.single(*slot.hull).outer(300)
    assert found.suspects[minutes] & five == found.suspects[minutes]  # of the five minutes, the silent ones
    before = state(home)
    other_name = written(market, [stated("renamed", dropped={minutes: slot})], tmp_path / "again")
    for again in (path, *other_name):
        ingest(home, market, again)
        assert failed(verify(home)) == {}
        assert {(g.status, g.reason) for g in gaps(home, minutes)} == {(GapStatus.UNFILLABLE, "sources disagree")}
    assert_frame_equal(state(home)[0], before[0])
    assert_true(home, market)


def test_other_evidence_settles_what_sources_disagreed_about(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    made = [stated(dropped={minutes: traded_slot(market, minutes)}), stated("better")]
    lying, honest = written(market, made, tmp_path)
    ingest(home, market, lying)
    verify(home)
    ingest(home, market, honest)
    assert gaps(home, minutes) == []
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_two_intervals_that_lack_the_same_are_both_found_at_once(market: SimulatedMarket, tmp_path: Path) -> None:
    """The five minutes of a trade that only the quarter of an hour tells of."""
    home, fives, minutes = tmp_path / "home", Series(ETH, 5), Series(ETH, 1)
    slot = traded_slot(market, fives)
    ingest(home, market, *written(market, [stated(dropped={fives: slot, minutes: slot})], tmp_path))
    found = verify(home)
    assert found.suspects.keys() == {fives, minutes}
    assert slot & found.suspects[minutes] == slot
    once = state(home)
    assert failed(verify(home)) == {}
    again = state(home)
    assert_frame_equal(once[0], again[0])
    assert once[1:] == again[1:]
    assert_true(home, market)


def test_what_was_derived_from_a_file_that_lacks_a_candle_is_taken_back_with_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, fives = tmp_path / "home", Series(ETH, 5)
    slot = traded_slot(market, fives)
    release = stated(intervals=(5, 30, 60, 1440), dropped={fives: slot})
    ingest(home, market, *written(market, [release], tmp_path))
    verify(home)
    quarters = gaps(home, Series(ETH, 15))
    assert any(gap.start <= slot.hull.start < gap.end for gap in quarters)
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_a_wrong_value_is_told_until_better_candles_come_and_nothing_is_withdrawn_for_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    made = [stated("wrong", 0, 7, altered={hours: traded_slot(market, hours)}), stated("right", 0, 8)]
    wrong, right = written(market, made, tmp_path)
    ingest(home, market, wrong)
    for _ in range(2):
        found = verify(home)
        assert (failed(found), found.suspects) == ({"agreement": 2}, {})  # it and the four hours around it
    ingest(home, market, right)
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_only_the_selection_is_withdrawn(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    slot = traded_slot(market, hours)
    ingest(home, market, *written(market, [stated(dropped={hours: slot})], tmp_path))
    assert verify(home, pairs=["ETH/USD"]).ok
    assert verify(home, intervals=[240, 60]).suspects == {hours: slot}  # the four hours tell of more trades


def test_the_same_file_in_a_newer_archive_brings_no_contradicted_candle_back(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    made = [stated(name, 0, 7, layout=Layout.FOLDER, generated=day) for name, day in (("old", MAY), ("new", JUNE))]
    old, new = written(market, made, tmp_path)
    for archive in (old, new):
        miscount(archive / "XBTUSD_60.csv")
    ingest(home, market, old)
    found = verify(home)
    assert found.suspects.keys() == {Series(BTC, 60)}
    for archive in (old, new, old):
        ingest(home, market, archive)
        assert failed(verify(home)) == {}
        assert_true(home, market)


def miscount(file: Path) -> None:
    """Have a candle in the middle of a file lack one of its trades."""
    rows = file.read_text().splitlines()
    *values, trades = rows[80].split(",")
    rows[80] = ",".join([*values, str(int(trades) - 1)])
    file.write_text("\n".join(rows) + "\n")


# ---------------------------------------------------------------------------------------------------- with the exchange


def backfill(home: Path, exchange: PocketExchange, **words: Any) -> None:
    with at_pocket(home, exchange) as bench:
        bench.run(bench.work.plan(bench.backfill_request(**words)))


def test_the_exchange_settles_what_sources_disagree_about(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    ingest(home, market, *written(market, [stated(dropped={minutes: traded_slot(market, minutes)})], tmp_path))
    verify(home)
    exchange = PocketExchange(market)
    backfill(home, exchange)
    assert gaps(home, minutes) == []
    assert exchange.of_kind("Trades") > 0
    assert failed(verify(home)) == {}
    assert_true(home, market)


class Forgetful(PocketExchange):
    """Answers as if nothing had traded in one minute."""

    forgotten: TimeRanges

    def ohlc(self, series: Series, as_of: int) -> OhlcAnswer:
        answer = super().ohlc(series, as_of)
        there = ~pl.col("time").dt.epoch("s").is_in([at for at, _ in self.forgotten])
        return answer._replace(candles=answer.candles.filter(there)) if series.interval == 1 else answer


def test_what_the_exchange_answers_as_wrongly_is_not_asked_again(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    exchange = Forgetful(market)
    exchange.forgotten = traded_slot(market, minutes, after=DAYS[8] - 6 * 3600, before=DAYS[8])
    ingest(home, market, *written(market, [stated(dropped={minutes: exchange.forgotten})], tmp_path))
    suspects = verify(home).suspects[minutes]
    assert suspects & exchange.forgotten.outer(300) == suspects  # though days tell of too few trades as well
    backfill(home, exchange, trades=False)
    assert gaps(home, minutes) == []  # it says that nothing traded then
    assert not verify(home).ok
    asked = exchange.of_kind("OHLC")
    backfill(home, exchange, trades=False)
    assert exchange.of_kind("OHLC") == asked
    assert {(g.status, g.reason) for g in gaps(home, minutes)} == {(GapStatus.UNFILLABLE, "sources disagree")}
    assert failed(verify(home)) == {}
    assert_true(home, market)


# ------------------------------------------------------------------------------------------------- order, crashes, jobs


@pytest.mark.parametrize(
    "verifying",
    [pytest.param((0,), marks=pytest.mark.soak), pytest.param((1,), marks=pytest.mark.soak), (0, 1)],
    ids=str,
)
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
        ingest(tmp_path / name, market, *written(market, [release], tmp_path / "market"))
    with Workbench.open(tmp_path / "crashed") as workbench:
        found = workbench.verify(report_only=True)
        workbench.store.commit([], demote=found.suspects)
    for name in ("smooth", "crashed"):
        verify(tmp_path / name)
    assert_same(tmp_path / "smooth", tmp_path / "crashed")


def test_to_report_only_withdraws_nothing(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    ingest(home, market, *written(market, [stated(dropped={hours: traded_slot(market, hours)})], tmp_path))
    before = state(home)
    for _ in range(2):
        found = verify(home, report_only=True)
        assert failed(found) == {"silences": 1, "agreement": 1}
        assert found.note == "nothing was withdrawn, as you asked."
    after = state(home)
    assert_frame_equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_beside_a_running_job_nothing_is_withdrawn(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    [path] = written(market, [stated(dropped={hours: traded_slot(market, hours)})], tmp_path)
    ingest(home, market, path)
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
        assert "were withdrawn" in workbench.verify().note
        job = workbench.jobs()[0]
        assert (job.status, job.request.pairs) == (JobStatus.COMPLETED, (BTC,))


def test_nothing_is_withdrawn_of_what_has_changed_since_it_was_looked_at(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    made = [stated(dropped={hours: traded_slot(market, hours)}), stated("more", 0, 2)]
    lying, more = written(market, made, tmp_path)
    ingest(home, market, lying)
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
    max_examples=4,
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
