"""Archives that lie in the middle of files: found by other intervals, taken back, and repaired by the next run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout, series_of
from tests.acceptance.lying_archives import (
    ADA,
    BTC,
    DAYS,
    ETH,
    SLEPT,
    assert_true,
    failed,
    gaps,
    ingest_unchecked,
    state,
    stated,
    traded_slot,
    verify,
)
from tests.acceptance.never_false import assert_nothing_false
from tests.support.helping import ingest, written
from tests.support.pocket_exchange import PocketExchange, at_pocket

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def series_named(examples: Iterable[str]) -> set[str]:
    return {example.partition(" [")[0] for example in examples}


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
    ingest_unchecked(home, market, path)
    found = verify(home)
    assert failed(found) == {"silences": 1, "agreement": 1}  # the four hours around it tell of more trades, too
    assert found.suspects == {hours: slot}
    assert "1 slot of BTC/USD 1h withdrawn" in found.note
    [gap] = gaps(home, hours)
    assert (TimeRanges.single(gap.start, gap.end), gap.route) == (slot, "derive")
    assert failed(verify(home)) == {}
    ingest(home, market, path)
    assert gaps(home, hours) == []
    assert failed(verify(home)) == {}
    assert_true(home, market)


@pytest.mark.soak
def test_a_finest_candle_that_was_lost_ends_as_sources_disagree_and_the_same_file_never_reopens_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    slot = traded_slot(market, minutes)
    release = stated(dropped={minutes: slot})
    [path] = written(market, [release], tmp_path)
    ingest_unchecked(home, market, path)
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


@pytest.mark.soak
def test_other_evidence_settles_what_sources_disagreed_about(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    made = [stated(dropped={minutes: traded_slot(market, minutes)}), stated("better")]
    lying, honest = written(market, made, tmp_path)
    ingest_unchecked(home, market, lying)
    verify(home)
    ingest(home, market, honest)
    assert gaps(home, minutes) == []
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_two_intervals_that_lack_the_same_are_both_found_at_once(market: SimulatedMarket, tmp_path: Path) -> None:
    """The five minutes of a trade that only the quarter of an hour tells of."""
    home, fives, minutes = tmp_path / "home", Series(ETH, 5), Series(ETH, 1)
    slot = traded_slot(market, fives)
    ingest_unchecked(home, market, *written(market, [stated(dropped={fives: slot, minutes: slot})], tmp_path))
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
    ingest_unchecked(home, market, *written(market, [release], tmp_path))
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
    ingest_unchecked(home, market, *written(market, [stated(dropped={hours: slot})], tmp_path))
    assert verify(home, pairs=["ETH/USD"]).ok
    assert verify(home, intervals=[240, 60]).suspects == {hours: slot}  # the four hours tell of more trades


@pytest.mark.soak
def test_the_same_file_in_a_newer_archive_brings_no_contradicted_candle_back(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    made = [
        stated(name, 0, 7, layout=ReleaseLayout.FOLDER, generated=day) for name, day in (("old", MAY), ("new", JUNE))
    ]
    old, new = written(market, made, tmp_path)
    for archive in (old, new):
        lose(archive / "XBTUSD_60.csv")
    ingest_unchecked(home, market, old)
    found = verify(home)
    assert found.suspects.keys() == {Series(BTC, 60)}
    for archive in (old, new, old):
        ingest(home, market, archive)
        assert failed(verify(home)) == {}
        assert_true(home, market)


def lose(file: Path) -> None:
    """Have a file lack a row in the middle."""
    rows = file.read_text().splitlines()
    del rows[80]
    file.write_text("\n".join(rows) + "\n")


# ---------------------------------------------------------------------------------------------------- with the exchange


def backfill(home: Path, exchange: PocketExchange, **words: Any) -> None:
    with at_pocket(home, exchange) as bench:
        bench.run(bench.runner.build_plan(bench.backfill_request(**words)))


def test_the_exchange_settles_what_sources_disagree_about(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    ingest_unchecked(
        home, market, *written(market, [stated(dropped={minutes: traded_slot(market, minutes)})], tmp_path)
    )
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

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        answer = super().ohlc(series, as_of)
        there = ~pl.col("time").dt.epoch("s").is_in([at for at, _ in self.forgotten])
        return answer._replace(candles=answer.candles.filter(there)) if series.interval == 1 else answer


@pytest.mark.soak
def test_what_the_exchange_answers_as_wrongly_is_not_asked_again(market: SimulatedMarket, tmp_path: Path) -> None:
    home, minutes = tmp_path / "home", Series(BTC, 1)
    exchange = Forgetful(market)
    exchange.forgotten = traded_slot(market, minutes, after=DAYS[8] - 6 * 3600, before=DAYS[8])
    ingest_unchecked(home, market, *written(market, [stated(dropped={minutes: exchange.forgotten})], tmp_path))
    suspects = verify(home).suspects[minutes]
    assert suspects & exchange.forgotten.outer(300) == suspects  # though days tell of too few trades as well
    asked = []
    for _ in range(2):  # it says that nothing traded then, which the same job finds to be contradicted
        backfill(home, exchange, trades=False)
        asked.append(exchange.of_kind("OHLC"))
    assert asked[0] == asked[1] > 0
    assert {(g.status, g.reason) for g in gaps(home, minutes)} == {(GapStatus.UNFILLABLE, "sources disagree")}
    assert failed(verify(home)) == {}
    assert_true(home, market)


def test_a_day_that_contradicts_every_finer_interval_in_turn_leaves_no_agreement_with_what_it_contradicts(
    tmp_path: Path,
) -> None:
    """Of a quiet pair; the hours that traded were agreed with by silent half hours that are withdrawn next."""
    quiet = SimulatedMarket.make(3, [Listing(BTC, 0.004, 97_000, 1, 0.05)], DAYS[0], DAYS[8])
    lost = traded_slot(quiet, Series(BTC, 60))
    finer = (1, 5, 15, 30, 60)
    release = stated(intervals=(*finer, 1440), dropped={Series(BTC, interval): lost for interval in finer})
    home = tmp_path / "home"
    ingest(home, quiet, *written(quiet, [release], tmp_path))

    with Workbench.open(home) as bench:
        assert_nothing_false(bench, quiet)
        found, coverage = bench.ledger.findings([BTC]), bench.ledger.coverage()
    known = {
        interval: TimeRanges.of((c.start, c.end) for c in coverage if c.series == Series(BTC, interval))
        for interval in INTERVALS
    }
    assert not lost.outer(DAY_S) - known[1440]
    agreed = [(coarse, fine, slots) for coarse, of in found.items() for fine, slots in of.agreed.items()]
    assert agreed
    for coarse, fine, slots in agreed:
        assert not slots - known[coarse.interval]
        assert not slots - known[fine]
