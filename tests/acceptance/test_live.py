"""``kraken-history live``: what a stream brings is stored once it is whole and proved, whatever befalls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted, JobRunningError
from kraken_core.domain.exchange import NS, SETTLING_S
from kraken_core.domain.grades import Grade
from kraken_core.domain.live_slots import LiveSlots, LiveStep
from kraken_core.domain.live_tape import LiveTape
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.domain.trades import TradeCandles
from kraken_core.simulator.exchange import TapeFaults
from kraken_core.simulator.exchange.stream_faults import StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.live.live import LiveHistory, LivePhase
from kraken_core.workbench.watch.watch import Watch
from tests.support.command_line import ROOT, Kraken, command, environment
from tests.support.helping import in_soak
from tests.support.live_exchange import PATIENCE_S, Following, assert_stored_is_true, brisk_feed, live_exchange
from tests.support.pocket_exchange import PocketExchange, at_pocket, down

DAY = "2026-03-30"
START = day_start(date(2026, 3, 30))
BTC, ETH, DOGE = (Pair(base, "USD") for base in ("BTC", "ETH", "DOGE"))
PAIRS, INTERVALS = (BTC, ETH, DOGE), (1, 5, 60)
MARKET = SimulatedMarket.make(
    11,
    [Listing(BTC, 12, 97_000, 1, 0.05), Listing(ETH, 4, 3_400, 2, 0.8), Listing(DOGE, 0.5, 0.16, 7, 900)],
    START,
    START + 3 * 3600,
)
BEGINS = START + 3600 + 1234
BAD_LINE = StreamFaults(seed=5, dropped=0.17, repeated=0.2, swapped=0.2, cut_after=8)


def proved(home: Path, series: Series) -> TimeRanges:
    with Workbench.open(home) as workbench:
        covered = workbench.ledger.coverage([series])
    return TimeRanges.of((each.start, each.end) for each in covered if each.grade is Grade.PROVED)


@pytest.mark.parametrize("faults", [StreamFaults(), BAD_LINE], ids=["good line", "bad line"])
def test_closed_minutes_are_those_of_the_tape(
    faults: StreamFaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with live_exchange(MARKET, BEGINS, monkeypatch, faults) as exchange:
        with Following(home, exchange, PAIRS, INTERVALS, DAY) as live:
            live.streaming()
            for _ in range(20):
                exchange.clock.advance(60)
                exchange.delivered()
            whole = (BEGINS + 20 * 60 - SETTLING_S) // 60 * 60 - 120
            live.until(whole)
        assert_stored_is_true(home, MARKET, PAIRS, INTERVALS)
        assert TimeRanges.single(BEGINS // 60 * 60 + 60, whole) - proved(home, Series(BTC, 1)) == TimeRanges()
        assert live.phases[-1].live
        assert live.phases[-1].job
        assert live.phases[-1].job.metrics.records_changed == 0
        assert (exchange.stream.cut > 3) is bool(faults.cut_after)


@pytest.mark.parametrize("point", ["table.commit.after:6", *in_soak("ledger.commit.before:45", "table.stage.after:9")])
def test_killed_anywhere_the_next_start_fills_what_is_missing(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, later = tmp_path / "home", BEGINS + 15 * 60
    with live_exchange(MARKET, BEGINS, monkeypatch, BAD_LINE) as exchange:
        words = [sys.executable, "-m", "tests.support.live_process", str(home), DAY, "1,5,60", *map(str, PAIRS)]
        failing = environment({"KRAKEN_FAILPOINT": point})
        with subprocess.Popen(words, cwd=ROOT, env=failing, stdout=subprocess.DEVNULL) as killed:
            until = time.monotonic() + PATIENCE_S
            while killed.poll() is None and time.monotonic() < until:
                # Not before it streams: a slow start would leave it nothing of the market to be killed at.
                exchange.clock.advance(10 if exchange.stream.connections else 0)
                time.sleep(0.02)
            ended = killed.poll()
            killed.kill()  # or else a test that fails waits for ever
        assert ended == -9
        assert_stored_is_true(home, MARKET, PAIRS, INTERVALS)
        with Following(home, exchange, PAIRS, INTERVALS, DAY) as live:
            live.streaming()
            live.until(later)
        assert_stored_is_true(home, MARKET, PAIRS, INTERVALS)
        with Workbench.open(home) as workbench:
            for series in (Series(BTC, 1), Series(BTC, 5)):
                ranges = TimeRanges.of((each.start, each.end) for each in workbench.ledger.coverage([series]))
                assert TimeRanges.single(START + 60, later // 300 * 300 - 600) - ranges == TimeRanges()
            states = [job.status.value for job in workbench.jobs()]
        assert "FAILED" not in states
        assert "RUNNING" not in states


def test_a_catch_up_that_was_stopped_is_taken_up_at_the_next_start_and_none_is_left(tmp_path: Path) -> None:
    exchange = PocketExchange(MARKET, BEGINS)

    with at_pocket(tmp_path / "home", exchange) as workbench:
        phases = partial(_phases, workbench)
        exchange.fails = stopped_at_candles
        for _ in range(3):
            with pytest.raises(Interrupted, match="job 1 is paused"), closing(phases()) as stopped:
                next(stopped)
            exchange.present += 1800
        assert [(job.id, job.status.value) for job in workbench.jobs()] == [(1, "PAUSED")]
        exchange.fails = lambda _kind, _pair: None
        with closing(phases()) as going_on:
            taken_up, caught_up = next(going_on).job, next(going_on).job
        assert taken_up
        assert caught_up
        assert (taken_up.id, caught_up.id, caught_up.as_of - taken_up.as_of) == (1, 2, 3 * 1800)
        assert {job.status.value for job in workbench.jobs()} == {"COMPLETED"}


def test_a_job_of_another_selection_that_was_stopped_is_closed(tmp_path: Path) -> None:
    exchange = PocketExchange(MARKET, BEGINS)
    with at_pocket(tmp_path / "home", exchange) as workbench:
        exchange.fails = stopped_at_candles
        with pytest.raises(Interrupted), closing(_phases(workbench)) as stopped:
            next(stopped)
        exchange.fails = lambda _kind, _pair: None
        with closing(_phases(workbench, intervals=[5])) as another:
            assert next(another).job
        assert [job.status.value for job in workbench.jobs()] == ["COMPLETED", "CANCELLED"]


def stopped_at_candles(kind: str, _pair: Pair | None) -> None:
    if kind in {"Trades", "OHLC"}:
        raise Interrupted("paused")


def _phases(workbench: Workbench, **more: object) -> Generator[LivePhase, None, None]:
    request = {"pairs": ["BTC/USD"], "intervals": [1], "start_date": DAY} | more
    return LiveHistory(workbench, request, lambda: False, lambda _: False).phases()


@pytest.mark.parametrize("clock_known", [True, False], ids=["that answered before", "that never answered since"])
def test_an_exchange_that_is_away_when_jobs_take_turns_does_not_end_it(
    clock_known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is well: trades are taken by the clock that was last known, or else the next job is tried later."""
    exchange = PocketExchange(MARKET, BEGINS)
    with live_exchange(MARKET, BEGINS, monkeypatch), at_pocket(tmp_path / "home", exchange) as workbench:
        request = {"pairs": ["BTC/USD"], "intervals": [1], "start_date": DAY}
        history = LiveHistory(
            workbench, request, lambda: False, lambda _: False, catch_up_every_s=0, open_feed=brisk_feed
        )
        with closing(history.phases()) as phases:
            ended = [next(phases) for _ in range(2 if clock_known else 1)]
            exchange.fails = down
            ended += [next(phases) for _ in range(2)]
            exchange.fails = lambda _kind, _pair: None
            ended += [next(phases) for _ in range(2)]
    outages = [each.outage for each in ended]
    assert outages == ([False, False, True, False, False, False] if clock_known else [False, True, True, False, False])
    assert [each.live for each in ended] == [place % 2 == 1 for place in range(len(ended))]


def test_a_trade_tells_that_a_minute_has_settled_where_the_clock_is_known_to_be_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a second: it was read once, in whole ones. Nothing but that trade happens any more."""
    times = MARKET.tapes[BTC].time_ns / NS
    settles = next(at - at % 60 for at in times.tolist() if at > BEGINS + 300 and at % 60 < 0.9)
    trade = times[np.searchsorted(times, settles)]
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(tmp_path / "home", exchange, [BTC], [1], DAY, behind_s=1) as live,
    ):
        live.streaming()
        exchange.clock.advance(trade + 0.05 - exchange.clock.now_ns() / NS)
        exchange.delivered()
        live.stored(settles - SETTLING_S)  # what was whole at once comes first
        assert live.progress[-1].until == settles - SETTLING_S


def test_what_is_whole_when_it_begins_to_stream_is_stored_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the next full minute: a job that filled what was missing may have kept it waiting. No time passes."""
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(tmp_path / "home", exchange, [BTC], [1], DAY) as live,
    ):
        live.stored(0)
        assert live.progress[0].until == (BEGINS - SETTLING_S) // 60 * 60


def test_jobs_that_fill_what_is_missing_come_as_often_by_the_exchanges_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(tmp_path / "home", exchange, [BTC], [1], DAY, catch_up_every_s=600) as live,
    ):
        live.streaming()
        filled: list[int] = []
        until = BEGINS
        while len(filled) < 3:  # the clock goes on while one is under way, however long that takes
            until += 60
            live.until(until)
            filled = [each.job.as_of for each in live.phases if each.job and not each.live]
    assert all(later - earlier >= 600 for earlier, later in pairwise(filled))


def test_live_and_watch_exclude_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(home, exchange, PAIRS, INTERVALS, DAY) as live,
    ):
        live.streaming()
        with Workbench.open(home) as workbench:
            watch = Watch(workbench, {"pairs": ["BTC/USD"]}, 60, 0, lambda _: True, lambda: False)
            with pytest.raises(JobRunningError, match="or kraken-history live, first"):
                next(watch.rounds())
        with (
            pytest.raises(JobRunningError, match="being watched already"),
            Following(home, exchange, PAIRS, INTERVALS, DAY) as second,
        ):
            second.streaming()


def test_one_phase_from_the_command_line(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is not there is no failure of a job: it is tried again, and the next job fills what is missing."""
    with live_exchange(MARKET, BEGINS, monkeypatch):
        words = ("--home", kraken.home, "--pairs", "BTC/USD", "--intervals", "1m,1h", "--start-date", DAY)
        said = kraken("live", *words, "--phases", "1", "--json")
        assert [(row["live"], row["failed"], row["job"]["trigger"]) for row in said.json] == [(False, None, "live")]
        assert "Caught up (job 1)" in said.err
        kraken("live", "--home", kraken.home, "--pairs", "FOO/BAR", code=2)


def test_numbers_that_never_existed_prove_nothing_and_the_next_job_fills_what_is_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, odd = tmp_path / "home", TapeFaults(seed=3, phantoms=0.03)
    with live_exchange(MARKET, BEGINS, monkeypatch, tape_faults=odd) as exchange:
        with Following(home, exchange, [BTC], [1], DAY) as live:
            live.streaming()
            live.until(BEGINS + 600)
        by_ids = proved(home, Series(BTC, 1))
        span = TimeRanges.single(START + 4800, (BEGINS + 600) // 60 * 60 - 60)
        tape, ids = MARKET.tapes[BTC], odd.ids(MARKET.tapes[BTC])
        for place in (np.flatnonzero(np.diff(ids) > 1) + 1).tolist():
            between = TimeRanges.single(*(tape.time_ns[[place - 1, place]] // 1_000_000_000).tolist())
            assert not by_ids & between.outer(60) & span
        assert by_ids & span
        with Following(home, exchange, [BTC], [1], DAY) as live:
            live.streaming()
        assert_stored_is_true(home, MARKET, [BTC], [1])
        with Workbench.open(home) as workbench:
            ranges = TimeRanges.of((each.start, each.end) for each in workbench.ledger.coverage([Series(BTC, 1)]))
        assert span - ranges == TimeRanges()


def test_a_minute_that_a_very_late_trade_shows_to_be_wrong_is_a_gap_until_the_next_job_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, minute = tmp_path / "home", BEGINS // 60 * 60 + 120
    wrong, give = TimeRanges.single(minute, minute + 60), LiveTape.give

    def with_a_late_trade(tape: LiveTape, now: int) -> LiveStep | None:
        step = give(tape, now)
        return step._replace(wrong={1: wrong}) if step else None

    def covered(interval: int) -> TimeRanges:
        with Workbench.open(home) as workbench:
            found = workbench.ledger.coverage([Series(BTC, interval)])
        return TimeRanges.of((each.start, each.end) for each in found)

    with live_exchange(MARKET, BEGINS, monkeypatch) as exchange:
        with Following(home, exchange, [BTC], [1, 5], DAY) as live:
            live.streaming()
            live.until(BEGINS + 600)
            assert wrong - covered(1) == TimeRanges()
            monkeypatch.setattr(LiveTape, "give", with_a_late_trade)
            live.until(BEGINS + 900)
        assert not covered(1) & wrong
        assert not covered(5) & wrong
        assert covered(1).hull.end > minute + 60
        monkeypatch.setattr(LiveTape, "give", give)
        with Following(home, exchange, [BTC], [1, 5], DAY) as live:
            live.streaming()
        assert wrong - covered(1) == TimeRanges()
        assert_stored_is_true(home, MARKET, [BTC], [1, 5])


def test_a_candle_of_a_slot_that_is_not_covered_is_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a tape gives: here the hour in which it began, which is open."""
    home, hour, give = tmp_path / "home", BEGINS // 3600 * 3600, LiveTape.give

    def with_an_open_hour(tape: LiveTape, now: int) -> LiveStep | None:
        step = give(tape, now)
        if not step or not step.trades.height:
            return step
        candles = TradeCandles.empty(BTC, [60]).add(step.trades).candles()[60]
        return step._replace(slots=(*step.slots, LiveSlots(60, TimeRange(hour, hour), candles)))

    monkeypatch.setattr(LiveTape, "give", with_an_open_hour)
    with live_exchange(MARKET, BEGINS, monkeypatch) as exchange:
        with Following(home, exchange, [BTC], [1, 60], DAY) as live:
            live.streaming()
            live.until(BEGINS + 600)
        assert_stored_is_true(home, MARKET, [BTC], [1, 60])
    with Workbench.open(home) as workbench:
        stored = workbench.candles("BTC/USD", 60, to="polars")
    assert hour not in stored["time"].dt.epoch("s").to_list()


def test_all_pairs_and_intervals_of_a_minute_are_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(home, exchange, PAIRS, INTERVALS, DAY) as live,
    ):
        live.streaming()
        live.until(BEGINS + 60)
        with Workbench.open(home) as workbench:
            before, first = workbench.store.version, len(live.progress)
            live.until(BEGINS + 420)
            commits = len(live.progress) - first
        with Workbench.open(home) as workbench:
            made = workbench.store.version - before
        assert abs(made - commits) <= 1, "at either look one may be made that is not reported yet"
        assert commits <= 10


@pytest.mark.parametrize("number", [signal.SIGTERM, *in_soak(signal.SIGINT)])
def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    with live_exchange(MARKET, BEGINS, monkeypatch, running=True) as exchange:
        words = command(
            "live", "--home", home, "--pairs", "BTC/USD", "--intervals", "1m", "--start-date", DAY, "--json"
        )
        with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            until = time.monotonic() + PATIENCE_S
            while not exchange.stream.connections:
                assert time.monotonic() < until
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert json.loads(out)[0]["job"]["status"] == "COMPLETED"
        with Workbench.open(home) as workbench:
            assert {job.status.value for job in workbench.jobs()} == {"COMPLETED"}


@pytest.mark.soak
def test_a_thousand_disconnects_on_fifty_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [Pair(f"T{number:02}", "USD") for number in range(50)]
    listings = [Listing(pair, 0.5 + place % 7, 10 + place, 4, 50) for place, pair in enumerate(pairs)]
    market = SimulatedMarket.make(12, listings, START, START + 8 * 3600)
    home = tmp_path / "home"
    faults = StreamFaults(seed=6, dropped=0.17, repeated=0.1, swapped=0.1, cut_after=10)
    with live_exchange(market, BEGINS, monkeypatch, faults) as exchange:
        with Following(home, exchange, pairs, INTERVALS, DAY) as live:
            live.streaming()
            while exchange.stream.cut < 1000:
                exchange.clock.advance(60)
                exchange.delivered()
                live.until((exchange.clock.now() - SETTLING_S) // 60 * 60 - 300)
            until = (exchange.clock.now() - SETTLING_S) // 60 * 60
            whole, busy = TimeRanges.single(BEGINS // 60 * 60 + 60, until - 600), Series(pairs[6], 1)
            while whole - proved(home, busy):  # the job that fills what was lost may be under way: the clock goes on
                until += 60
                live.until(until)
        assert_stored_is_true(home, market, pairs, INTERVALS)
        assert all(each.job.metrics.records_changed == 0 for each in live.phases if each.job and each.live)
