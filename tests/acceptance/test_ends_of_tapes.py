"""Whole jobs against an exchange that lies about where its trades end: complete is what is complete."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import VALUES
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.market import Pair
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange import HONEST, TapeFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.helping import table
from tests.support.pocket_exchange import PocketExchange, at_pocket

BTC = Pair("BTC", "USD")
START = day_start(date(2026, 3, 30))
DAY_S = 86_400
FOUR_DAYS = SimulatedMarket.make(5, [Listing(BTC, 1.5, 97_000, 1, 0.05)], START, START + 4 * DAY_S)
PRESENT = FOUR_DAYS.end - 3 * 3600  # trades go on after what is asked for


def run(home: Path, exchange: PocketExchange, **more: Any) -> IngestionJob:
    asked = {"pairs": [BTC], "intervals": [1, 1440], "start_date": "2026-03-30", "complete": True, "download": False}
    with at_pocket(home, exchange) as bench:
        return bench.run(bench.runner.build_plan(bench.request(**{**asked, **more})))


def assert_true_and_complete(home: Path, exchange: PocketExchange, until: int) -> None:
    with at_pocket(home, exchange) as bench:
        assert [gap for gap in bench.ledger.gaps() if gap.series.interval == 1] == []
        held = table(bench)
    before = (pl.col("time").dt.epoch("s") + 60 <= until) & (pl.col("interval_minutes") == 1)
    truth = exchange.market.truth(BTC, 1).filter(before)
    assert_frame_equal(held.filter(before).select("time", *VALUES), truth.select("time", *VALUES), check_dtypes=False)


@pytest.mark.parametrize(
    "faults",
    [
        TapeFaults(empty=1.0, from_page=3, to_page=3),
        TapeFaults(short=1.0, short_rows=997, from_page=3, to_page=3),
        TapeFaults(unknown=50.0),
        TapeFaults(restarts=0.001, swapped=0.01),
    ],
    ids=["one empty page", "997 rows", "ids 0", "restarted and swapped"],
)
def test_a_sweep_of_four_days_is_complete_and_true(faults: TapeFaults, tmp_path: Path) -> None:
    exchange = PocketExchange(FOUR_DAYS, PRESENT)
    exchange.tape_faults = faults
    run(tmp_path, exchange)
    assert_true_and_complete(tmp_path, exchange, PRESENT - SETTLING_S)


def test_trades_twenty_minutes_old_for_a_round_leave_a_gap_where_candles_are_old_too(tmp_path: Path) -> None:
    exchange = PocketExchange(FOUR_DAYS, PRESENT)
    exchange.tape_faults = TapeFaults(stale=1.0, stale_candles=1.0, stale_s=1200)
    run(tmp_path, exchange)
    with at_pocket(tmp_path, exchange) as bench:
        [gap] = [gap for gap in bench.ledger.gaps() if gap.series.interval == 1]
        assert gap.status is GapStatus.FAILED
        assert "no candle of the exchange confirms" in gap.reason
        assert 1080 <= gap.end - gap.start <= 1500

    exchange.tape_faults = HONEST
    exchange.present += 2 * 3600  # what failed waits for an hour
    run(tmp_path, exchange, incremental=True)
    assert_true_and_complete(tmp_path, exchange, exchange.present - SETTLING_S)


QUIET = SimulatedMarket.make(3, [Listing(BTC, 8 / 60, 97_000, 1, 0.05)], START, START + 4 * DAY_S)
OLD = TapeFaults(stale=1.0, stale_candles=1.0, stale_s=95 * 60)
NOTHING = TapeFaults(empty=1.0, empty_candles=1.0)


@pytest.mark.parametrize("faults", [OLD, NOTHING], ids=["frozen", "empty"])
def test_a_quiet_pair_whose_end_was_not_answered_is_complete_once_it_is(faults: TapeFaults, tmp_path: Path) -> None:
    exchange = PocketExchange(QUIET, PRESENT - 2 * 3600)
    run(tmp_path, exchange)
    exchange.tape_faults = faults
    exchange.present = PRESENT
    run(tmp_path, exchange)
    with at_pocket(tmp_path, exchange) as bench:
        open_gaps = [gap for gap in bench.ledger.gaps() if gap.series.interval == 1]
        assert {gap.status for gap in open_gaps} == {GapStatus.FAILED}
        assert open_gaps[-1].end == PRESENT - SETTLING_S

    exchange.tape_faults = HONEST
    exchange.present += 2 * 3600
    run(tmp_path, exchange)
    assert_true_and_complete(tmp_path, exchange, exchange.present - SETTLING_S)


def test_trades_that_come_late_are_in_their_candles_after_the_rounds_of_a_watch(tmp_path: Path) -> None:
    exchange = PocketExchange(FOUR_DAYS, PRESENT)
    exchange.tape_faults = TapeFaults(late=0.5, late_s=30)
    for _ in range(6):
        run(tmp_path, exchange, incremental=True)
        exchange.present += 77
    assert_true_and_complete(tmp_path, exchange, exchange.present - 77 - SETTLING_S)


def test_what_closed_within_the_settling_time_is_neither_expected_nor_covered(tmp_path: Path) -> None:
    exchange = PocketExchange(FOUR_DAYS, PRESENT + 30)
    job = run(tmp_path, exchange, trades=False, intervals=[1], start_date="2026-04-02")
    assert job.as_of == PRESENT + 30 - SETTLING_S
    with at_pocket(tmp_path, exchange) as bench:
        assert max(known.end for known in bench.ledger.coverage()) == PRESENT - 120
        assert bench.verify().ok
        newest = max(table(bench)["time"].dt.epoch("s").to_list())
    traded = FOUR_DAYS.truth(BTC, 1)["time"].dt.epoch("s").to_list()
    assert newest == max(time for time in traded if time <= PRESENT - 60)  # provisional
    assert newest >= PRESENT - 120


def test_ids_that_stay_away_are_said_and_what_was_seen_is_kept(tmp_path: Path) -> None:
    exchange = PocketExchange(FOUR_DAYS, PRESENT)
    exchange.tape_faults = TapeFaults(1, phantoms=0.002)
    job = run(tmp_path, exchange)
    assert_true_and_complete(tmp_path, exchange, PRESENT - SETTLING_S)
    with at_pocket(tmp_path, exchange) as bench:
        spans = bench.ledger.trade_spans(BTC)
        [said] = [event.message for event in bench.ledger.events(job.id) if event.kind == "phantoms"]
        claims = bench.ledger.assertions([BTC])
    assert f"{counted(sum(span.phantoms for span in spans), 'trade id')} skipped" in said
    assert (spans[0].start, spans[-1].end) == (START, PRESENT - SETTLING_S)
    assert {claim.proved for claim in claims if claim.series.interval == 1} == {True, False}
