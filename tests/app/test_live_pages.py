"""Live on its pages: how far it is, what is wrong with it, starting and ending it, and candles that follow it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kraken_core import Workbench
from kraken_core.domain.formatting import instant
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.live.control import LiveControl, LivePlan
from kraken_core.workbench.live.state import STATE, LivePair, LiveState
from kraken_core.workbench.simulated_home import simulated_home
from kraken_core.workbench.watch.alone import alone
from kraken_core.workbench.watch.state import SentNotice
from tests.app.conftest import Opened, figures, told
from tests.app.test_ingest import press

NOW = 1_712_448_000
ALIVE = LiveState(
    this_worker(),
    "BTC/USD, ETH/USD; 1m",
    1,
    NOW,
    updated=2_000_000_000,  # later than this machine's clock: what is seen does not depend on that
    phase="streaming",
    as_of=NOW + 300,
    connections=2,
    open_connections=2,
    disconnects=3,
    system="online",
    pairs=(
        LivePair("BTC/USD", NOW + 120, NOW + 290.5),
        LivePair("ETH/USD", NOW, NOW + 10, NOW + 20.0),
        LivePair("FOO/USD", problem="halted (cancel_only)"),
    ),
)


@pytest.fixture
def following(full: Path) -> LiveState:
    """A live history of the home, as it is recorded by this process, which is alive."""
    return record(full, ALIVE)


def record(home: Path, state: LiveState) -> LiveState:
    (home / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")
    return state


def labels(page: AppTest) -> set[str]:
    return {each.label for each in page.button}


def test_connections_the_last_trade_and_the_lag_of_each_pair_are_shown(following: LiveState, opened: Opened) -> None:
    page = opened("schedules")
    assert "Live runs" in page.success[0].value
    shown = figures(page)
    assert (shown["Connections"], shown["Waiting"], shown["Disconnects"]) == ("2 of 2", "1", "3")
    assert (shown["Last trade"], shown["Largest lag"]) == ("10 s ago", "5 min, ETH/USD")
    assert "Stop live" in labels(page)
    assert not labels(page) & {"Start live", "Start the watch"}, "one of them at a time"
    lags = page.toggle(key="lags schedules").set_value(True).run().dataframe[0].value
    assert list(lags["Lag"]) == ["5 min", "3 min", "–"], "the slowest first"
    assert list(lags["State"]) == ["waits for missing trades", "✓", "halted (cancel_only)"]


def test_the_overview_shows_it_too(following: LiveState, opened: Opened) -> None:
    page = opened("overview")
    assert "Live runs" in page.success[0].value
    assert figures(page)["Largest lag"] == "5 min, ETH/USD"
    assert len(page.toggle(key="lags overview").set_value(True).run().dataframe) >= 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"open_connections": 1}, "not all connections"), ({"failed": "no route to host"}, "no route to host")],
)
def test_it_is_said_to_be_degraded_and_why(full: Path, opened: Opened, changed: dict[str, object], why: str) -> None:
    record(full, replace(ALIVE, **changed))  # type: ignore[arg-type]
    [said] = [each.value for each in opened("schedules").warning]
    assert "Live is degraded" in said
    assert why in told(said)


def test_one_whose_process_is_gone_died_and_can_be_started_anew(full: Path, opened: Opened) -> None:
    host, _, started = this_worker().rsplit(":", 2)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    notice = SentNotice(NOW, "degraded", "1 of 2 connections cannot be opened", 1)
    record(full, replace(ALIVE, worker=f"{host}:{process.pid}:{started}", notices=(notice,)))
    page = opened("schedules")
    assert "Live died" in page.error[0].value
    assert {"Start live", "Start the watch"} <= labels(page)
    assert "1 of 2 connections" in told(" ".join(each.value for each in page.markdown))
    assert "Live died" in opened("overview").error[0].value


def test_what_is_chosen_is_what_is_started(full: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[LivePlan] = []
    monkeypatch.setattr(LiveControl, "start", lambda _, plan: plans.append(plan))
    page = opened("schedules")
    assert "Choose tiers or pairs" in press(page, "Start live").warning[-1].value
    page = opened("schedules")
    page.multiselect(key="live tiers").set_value(["TIER1"])
    page.multiselect(key="live pairs").set_value(["BTC/USD"])
    page.multiselect(key="live intervals").set_value([1, 60])
    page.date_input(key="live start").set_value(date(2024, 4, 1))
    press(page, "Start live")
    assert [plan.options for plan in plans] == [
        ["--pairs", "BTC/USD", "--intervals", "1m,1h", "--start-date", "2024-04-01"]
    ]


def test_one_of_another_host_is_not_ended_from_here(full: Path, opened: Opened) -> None:
    record(full, replace(ALIVE, worker="elsewhere:1:1.0"))
    with alone(full):
        assert "another host" in press(opened("schedules"), "Stop live").warning[0].value


def test_nothing_is_followed_on_a_market_whose_time_stands_still(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        home = simulated_home(workbench.settings)
    home.mkdir(parents=True)
    (home / "kraken.toml").write_text('api_url = "http://127.0.0.1:0"\n', encoding="utf-8")
    page = opened("schedules", market="Simulated")
    assert "stands still" in page.info[-1].value
    assert "Start live" not in labels(page)


def test_candles_of_a_pair_that_is_followed_move_on_with_it(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        newest = workbench.charts.window(workbench.select(pairs=["BTC/USD"], intervals=[60]))
    assert newest
    record(full, replace(ALIVE, pairs=(LivePair("BTC/USD", newest.end, newest.end),)))
    window = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    shown = opened("candles", pair="BTC/USD", interval="1h", **window)
    assert figures(shown)["Last (UTC)"] == "2024-03-30 23:00"
    assert any("Live adds candles" in each.value for each in shown.caption)
    shown = shown.toggle(key="follow").set_value(True).run()
    drawn = next(each.value for each in shown.caption if "Live adds candles" in each.value)
    assert f"{instant(newest.end - 86_400)} UTC – {instant(newest.end)} UTC" in drawn


def test_candles_of_other_pairs_and_of_homes_without_live_are_as_ever(full: Path, opened: Opened) -> None:
    record(full, replace(ALIVE, pairs=(LivePair("ETH/USD", NOW, NOW),)))
    assert not [each for each in opened("candles", pair="BTC/USD").toggle if each.key == "follow"]
    record(full, replace(ALIVE, ended=NOW))
    assert not [each for each in opened("candles", pair="ETH/USD").toggle if each.key == "follow"]
