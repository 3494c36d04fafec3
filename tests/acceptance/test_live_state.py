"""What others see of ``kraken-history live``, what it notifies of, and how it is started and stopped from elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError, JobError, JobRunningError, KrakenError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.metrics import Sample
from kraken_core.domain.timerange import TimeRange, day_start
from kraken_core.simulator.exchange import Fault, FaultKind, Faults
from kraken_core.simulator.exchange.stream_faults import StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.live.control import LivePlan
from kraken_core.workbench.live.state import STATE, LivePair, LiveRecord, LiveState, read_state
from kraken_core.workbench.watch.alone import alone
from kraken_core.workbench.watch.schedule import WatchPlan
from kraken_core.workbench.watch.watch import describe_request
from tests.support.command_line import Kraken
from tests.support.live_exchange import Following, assert_stored_is_true, live_exchange

DAY = "2026-03-30"
START = day_start(date(2026, 3, 30))
BEGINS = START + 3600
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
MARKET = SimulatedMarket.make(11, [Listing(BTC, 12, 97_000, 1, 0.05)], START, START + 3 * 3600)


def measured(home: Path) -> dict[str, list[Sample]]:
    """The metrics of a home, without what all their names begin with."""
    with Workbench.open(home) as workbench:
        return {each.name.removeprefix("kraken_history_"): list(each.samples) for each in workbench.metrics()}


def test_connections_trades_and_the_lag_of_pairs_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    with live_exchange(MARKET, BEGINS, monkeypatch) as exchange:
        with Following(home, exchange, [BTC], [1], DAY) as live:
            live.streaming()
            live.until(BEGINS + 180)
            stored = live.progress[-1].until
            state = live.seen(lambda state: any((each.stored_until or 0) >= stored for each in state.pairs))
            assert (state.is_alive, state.phase, state.system) == (True, "streaming", "online")
            assert (state.open_connections, state.connections) == (1, 1)
            [pair] = state.pairs
            assert (pair.pair, pair.problem, pair.waiting_since) == ("BTC/USD", "", None)
            assert state.traded_at == pair.traded_at
            assert state.as_of
            assert state.lag(pair, state.updated) == state.as_of - (pair.stored_until or 0)
            assert state.lag(pair, state.updated + 5) == state.as_of - (pair.stored_until or 0) + 5
            metrics = measured(home)
            assert metrics["live_alive"] == metrics["live_connections_open"] == [Sample(1)]
            assert [each.labels for each in metrics["live_lag_seconds"]] == [{"pair": "BTC/USD"}]
        ended = read_state(home)
        assert ended
        assert not ended.is_alive
        assert ended.ended is not None
        assert measured(home)["live_alive"] == [Sample(0)]


def test_a_pair_that_is_halted_is_notified_and_one_listed_anew_is_followed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the tier, and within the hour: no start, and no job that was due anyway, is needed for it."""
    halts, lists = BEGINS + 300, BEGINS + 600
    listings = [
        Listing(BTC, 12, 97_000, 1, 0.05, statuses=((halts, "cancel_only"), (halts + 120, "online"))),
        Listing(ETH, 6, 3_400, 2, 0.8, lives=(TimeRange(lists, START + 3 * 3600),)),
        Listing(Pair("FOO", "USD"), 6, 3, 4, 50, lives=(TimeRange(lists, START + 3 * 3600),)),
    ]
    market, home = SimulatedMarket.make(11, listings, START, START + 3 * 3600), tmp_path / "home"
    with live_exchange(market, BEGINS, monkeypatch) as exchange:
        with Following(home, exchange, [BTC], [1], DAY, tiers=["TIER1"]) as live:
            live.streaming()
            exchange.clock.advance(halts + 30 - exchange.clock.now())
            live.seen(lambda state: [each.problem for each in state.pairs] == ["halted (cancel_only)"])
            live.seen(lambda state: state.notices != ())
            exchange.clock.advance(halts + 150 - exchange.clock.now())
            live.seen(lambda state: [each.kind for each in state.notices] == ["recovery", "pairs"])
            exchange.clock.advance(lists + 60 - exchange.clock.now())
            live.seen(lambda state: [each.pair for each in state.pairs] == ["BTC/USD", "ETH/USD"])
            live.until(lists + 600)
        assert [(each.sender, each.kind) for each in live.notices] == [("live", "pairs"), ("live", "recovery")]
        assert "BTC/USD: halted (cancel_only)" in live.notices[0].message
        assert len(live.phases) == 4, "one more of each kind, for the new pair"
        assert_stored_is_true(home, market, [BTC, ETH], [1])
        with Workbench.open(home) as workbench:
            assert max(each.end for each in workbench.ledger.coverage([Series(ETH, 1)])) > lists + 300


def test_an_exchange_that_is_not_reached_at_the_start_is_notified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_exchange(MARKET, BEGINS, monkeypatch) as exchange:
        monkeypatch.setenv("KRAKEN_API_URL", "http://127.0.0.1:9")
        live = Following(tmp_path / "home", exchange, [BTC], [1], DAY)
        with pytest.raises(KrakenError), live:
            live.streaming()
    assert [each.kind for each in live.notices] == ["exchange"]
    state = read_state(tmp_path / "home")
    assert state
    assert state.failed
    assert not state.is_alive


def test_missing_trades_that_cannot_be_requested_fail_the_job_which_is_notified_and_so_is_the_next_that_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraken_core.workbench.live.live.FIRST_PAUSE_S", 0.05)
    home, losses = tmp_path / "home", StreamFaults(seed=2, dropped=0.3)
    with live_exchange(MARKET, BEGINS, monkeypatch, losses) as exchange:
        with Following(home, exchange, [BTC], [1], DAY) as live:
            live.streaming()
            live.until(BEGINS + 120)
            exchange.rest.faults = Faults((Fault(FaultKind.FORBIDDEN, times=None),))
            live.seen(lambda state: state.failed != "")
            exchange.rest.faults = Faults()
            live.seen(lambda state: "recovery" in {each.kind for each in state.notices})
            live.until(exchange.clock.now() + 300)
        assert [each.kind for each in live.notices][:1] == ["exchange"]
        assert live.notices[-1].kind == "recovery"
        assert_stored_is_true(home, MARKET, [BTC], [1])


def test_a_state_is_read_as_it_was_written_and_notices_of_an_earlier_one_stay(tmp_path: Path) -> None:
    record = LiveRecord(tmp_path, lambda: 7, LiveState(this_worker(), "TIER1; 1m", 1, 5))
    record.update(pairs=(LivePair("BTC/USD", 60, 61.5, None, "halted"),))
    record.add_notice("pairs", "BTC/USD is halted", 0, ["the webhook answered 500"])
    assert read_state(tmp_path) == record.state
    assert read_state(tmp_path / "elsewhere") is None


def test_a_state_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / STATE).write_text("{", encoding="utf-8")
    with pytest.raises(HomeError, match="delete it"):
        read_state(tmp_path)


def test_it_is_started_and_stopped_from_elsewhere_and_no_watch_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with live_exchange(MARKET, BEGINS, monkeypatch, running=True) as exchange, Workbench.open(home) as here:
        plan = LivePlan(pairs=["BTC/USD"], intervals=[1], start_date=date(2026, 3, 30))
        assert here.live.state is None
        with pytest.raises(JobError, match="live does not run in this home"):
            here.live.stop()
        begun = here.live.start(plan)
        assert (begun.is_alive, begun.what) == (True, "BTC/USD; 1m")
        with pytest.raises(JobRunningError, match="kraken-history live runs in this home already"):
            here.live.start(plan)
        with pytest.raises(JobRunningError, match="or kraken-history live, first"):
            here.schedule.start(WatchPlan(60, pairs=["BTC/USD"]))
        live = Following(home, exchange, [BTC], [1], DAY)
        live.seen(lambda state: state.open_connections == 1)
        here.live.stop()
        live.seen(lambda state: not state.is_alive)
        assert {job.status.value for job in here.jobs()} == {"COMPLETED"}


def test_metrics_and_a_test_notice_from_the_command_line(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "notice.json"
    with live_exchange(MARKET, BEGINS, monkeypatch):
        words = ("--home", kraken.home, "--pairs", "BTC/USD", "--intervals", "1m", "--start-date", DAY)
        kraken("live", *words, "--phases", "1", "--metrics-file", tmp_path / "kraken.prom")
        text = (tmp_path / "kraken.prom").read_text(encoding="utf-8")
        assert "kraken_history_live_alive 0.0" in text
        said = kraken("live", *words, "--test-notice", "--command", f"tee {seen}", "--json")
        assert said.json == {"sent": 1, "failures": []}
        assert json.loads(seen.read_text(encoding="utf-8"))["kind"] == "test"
        kraken("live", *words, "--test-notice", code=2)
        kraken("live", *words, "--metrics-file", tmp_path / "nowhere" / "x.prom", code=2)


def test_of_many_pairs_that_are_followed_a_few_are_named(tmp_path: Path) -> None:
    with Workbench.open(tmp_path / "home") as workbench:
        pairs = [f"T{number}/USD" for number in range(50)]
        what = describe_request(workbench, {"pairs": pairs, "intervals": ["1m"], "start_date": DAY})
    assert what == "T0/USD, T1/USD, T2/USD, T3/USD, T4/USD and 45 more; 1m"


def test_a_live_history_of_another_host_is_not_ended_from_here(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / STATE).write_text(json.dumps(asdict(LiveState("elsewhere:1:1.0", "TIER1; 1m", 0, 5))), encoding="utf-8")
    with alone(home), Workbench.open(home) as workbench, pytest.raises(JobError, match="another host"):
        workbench.live.stop()
