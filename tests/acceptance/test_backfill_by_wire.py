"""Gaps filled from the simulated exchange over HTTP: clean, with faults, killed and taken up again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.exchange.faults import TOO_MANY_REQUESTS
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.sources.rest import retries
from tests.support.command_line import Kraken, but_for_grades, command, environment

START = day_start(date(2026, 3, 30))
BTC, ADA, BNT = Pair("BTC", "USD"), Pair("ADA", "USD"), Pair("BNT", "EUR")
MARKET = SimulatedMarket.make(
    5,
    [
        Listing(BTC, 1.0, 97_000, 1, 0.05),
        Listing(ADA, 0.1, 0.45, 6, 400),
        Listing(BNT, 0.001, 0.5, 4, 120),
    ],
    START,
    START + 6 * DAY_S,
)
PAGES = 6  # of BTC/USD's trades, or one more: some six thousand in the four days that no archive holds


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(
        MARKET, Release("two_days.zip", START, START + 2 * DAY_S, manifest=True), tmp_path_factory.mktemp("a")
    )


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedExchange]:
    with SimulatedExchange(MARKET) as served:
        yield served


@pytest.fixture
def asking(kraken: Kraken, exchange: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> Kraken:
    """The command line, which asks that exchange, in short bursts as it allows, and repeats without long pauses."""
    monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    return kraken


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kraken], dict[str, Any]]:
    """What a home holds and knows in the end where nothing went wrong."""
    found: dict[str, Any] = {}

    def state(kraken: Kraken) -> dict[str, Any]:
        if not found:
            home = tmp_path_factory.mktemp("undisturbed") / "home"
            with SimulatedExchange(MARKET) as served:
                done = subprocess.run(
                    command(*ingest(archive), "--home", home),
                    env=environment({"KRAKEN_API_URL": served.url, "KRAKEN_REQUESTS_PER_SECOND": "10"}),
                    check=True,
                    capture_output=True,
                )
                assert done.returncode == 0
            found.update(Kraken(kraken.capsys, home).state())
        return found

    return state


def ingest(archive: Path, *words: object) -> list[str]:
    start = ["--start-date", "2026-03-30"]
    return ["ingest", "--csv-source-dir", str(archive), "--tier", "ALL", *start, "--yes", "--json", *map(str, words)]


def asked_for(exchange: SimulatedExchange, *endpoints: str) -> int:
    return sum(asked.endpoint in endpoints for asked in exchange.requests)


def test_what_the_archive_lacks_comes_from_the_exchange(
    asking: Kraken, exchange: SimulatedExchange, archive: Path
) -> None:
    plan = asking(*ingest(archive, "--dry-run")).json
    exchange.requests.clear()
    done = asking(*ingest(archive)).json

    assert done["status"] == "COMPLETED"
    assert done["completeness"]["missing"] == 0
    assert {name: done["gaps"][name] for name in ("open", "failed", "unfillable")} == {
        "open": 0,
        "failed": 0,
        "unfillable": 0,
    }
    assert done["api"] == {"requests": asked_for(exchange, "OHLC", "Trades"), "retries": 0}
    assert done["api"]["requests"] <= plan["requests"] + 3  # one more a sweep, of which there are three
    assert exchange.cut_off == 0

    exchange.requests.clear()
    again = asking(*ingest(archive)).json
    assert (again["records"]["new"], again["api"]["requests"]) == (0, 0)
    assert asked_for(exchange, "OHLC", "Trades") == 0


FAULTS = {
    **{
        kind.name: Fault(kind, "Trades", BTC, nth=3, times=2)
        for kind in (FaultKind.SERVER_ERROR, FaultKind.RESET, FaultKind.CUT_OFF)
    },
    **{kind.name: Fault(kind, "Trades", nth=2) for kind in (FaultKind.HALF, FaultKind.NO_LAST)},
    "ERROR": Fault(FaultKind.ERROR, "Trades", ADA, times=2),
    "THROTTLED": Fault(FaultKind.THROTTLED, "Trades", nth=2, seconds=0),
    "CLOCK": Fault(FaultKind.RESET, "Time"),
    "PAIRS": Fault(FaultKind.HALF, "AssetPairs"),
}


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_that_passes_changes_nothing(
    asking: Kraken,
    exchange: SimulatedExchange,
    archive: Path,
    undisturbed: Callable[[Kraken], dict[str, Any]],
    fault: Fault,
) -> None:
    exchange.faults = Faults((fault,))
    done = asking(*ingest(archive)).json

    assert done["status"] == "COMPLETED"
    assert but_for_grades(asking.state()) == but_for_grades(undisturbed(asking))


def test_a_pair_that_is_refused_costs_only_itself_and_is_tried_again_later(
    asking: Kraken, exchange: SimulatedExchange, archive: Path, undisturbed: Callable[[Kraken], dict[str, Any]]
) -> None:
    exchange.faults = Faults((Fault(FaultKind.ERROR, "Trades", ADA, times=None, nth=2),))
    said = asking(*ingest(archive))
    assert said.json["gaps"]["failed"] > 0
    failed = asking.rows("gaps")
    assert {gap["pair"] for gap in failed} == {"ADA/USD"}
    assert {gap["status"] for gap in failed} == {GapStatus.FAILED}

    exchange.faults = Faults()
    exchange.requests.clear()
    waiting = asking("backfill", "--yes", "--json").json
    assert (waiting["api"]["requests"], waiting["gaps"]["failed"]) == (0, said.json["gaps"]["failed"])
    named = [word for gap in failed for word in ("--gap", gap["id"])]
    asking("backfill", *named, "--yes")
    assert values_of(asking.state()) == values_of(undisturbed(asking))


def values_of(state: dict[str, Any]) -> dict[str, Any]:
    """What a home holds, whatever it was read from: a pair whose trades were refused has some of its own candles."""
    candles = [(*row[:7], row[8]) for row in state["candles"]]  # but for volume, source and rank
    return {"candles": candles, "gaps": state["gaps"], "report": but_for_grades(state)["report"]}


def test_where_the_exchange_goes_down_the_job_ends_with_what_it_has_and_says_so(
    asking: Kraken,
    exchange: SimulatedExchange,
    archive: Path,
    undisturbed: Callable[[Kraken], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of pairs that are asked for side by side, chance says whose sweep is cut where; what is left of one may then be
    # cheaper to have by other answers, which know more.
    monkeypatch.setenv("KRAKEN_PAIRS_IN_PARALLEL", "1")
    exchange.faults = Faults((Fault(FaultKind.SERVER_ERROR, "Trades", nth=5, times=None),))
    said = asking(*ingest(archive))
    assert said.json["status"] == "COMPLETED"
    assert said.json["gaps"]["failed"] > 0
    assert "HTTP status 503" in " ".join(said.err.split())
    assert "Traceback" not in said.err

    exchange.faults = Faults()
    named = [word for gap in asking.rows("gaps") for word in ("--gap", gap["id"])]
    asking("backfill", *named, "--yes")
    assert values_of(asking.state()) == values_of(undisturbed(asking))


def test_an_exchange_in_maintenance_is_left_alone(asking: Kraken, exchange: SimulatedExchange, archive: Path) -> None:
    exchange.faults = Faults((Fault(FaultKind.MAINTENANCE, times=None),))
    said = asking(*ingest(archive), code=1)
    assert said.json["files"]["failed"] == 0
    assert "the exchange is not queried: it is in maintenance" in " ".join(said.err.split())
    assert asked_for(exchange, "OHLC", "Trades") == 0


def test_nothing_of_the_future_is_taken_where_our_clock_or_theirs_is_wrong(
    asking: Kraken, exchange: SimulatedExchange, archive: Path
) -> None:
    exchange.faults = Faults((Fault(FaultKind.SKEWED, "Time", times=None, seconds=-7200),))
    done = asking(*ingest(archive)).json
    assert done["as_of"] == "2026-04-04T22:00:00Z"
    assert all(gap["end"] <= done["as_of"] for gap in asking.rows("gaps"))
    assert asking.rows("sql", "select max(time + to_minutes(interval_minutes::bigint)) as last from candles")[0][
        "last"
    ].startswith("2026-04-04T22:00:00")


def test_another_client_on_the_line_slows_the_job_down_and_no_more(
    asking: Kraken, exchange: SimulatedExchange, archive: Path, undisturbed: Callable[[Kraken], dict[str, Any]]
) -> None:
    """Calls are counted by address, so that somebody else may have used up ours."""
    exchange.faults = Faults((Fault(FaultKind.ERROR, "Trades", nth=3, times=3, error=TOO_MANY_REQUESTS),))
    done = asking(*ingest(archive)).json

    assert (done["status"], done["api"]["retries"]) == ("COMPLETED", 3)
    assert but_for_grades(asking.state()) == but_for_grades(undisturbed(asking))


@pytest.mark.parametrize(
    ("point", "visit"),
    [
        pytest.param("table.stage.after", 2, marks=pytest.mark.soak),
        pytest.param("table.commit.before", 2, marks=pytest.mark.soak),
        pytest.param("table.commit.after", 2, marks=pytest.mark.soak),
        pytest.param("ledger.commit.before", 6, marks=pytest.mark.soak),
        ("ledger.commit.after", 6),
    ],
)
def test_a_job_that_is_killed_while_it_asks_ends_as_if_nothing_had_been(
    asking: Kraken,
    exchange: SimulatedExchange,
    archive: Path,
    undisturbed: Callable[[Kraken], dict[str, Any]],
    point: str,
    visit: int,
) -> None:
    asking(
        "ingest",
        "--csv-source-dir",
        archive,
        "--tier",
        "ALL",
        "--start-date",
        "2026-03-30",
        "--no-api-backfill",
        "--yes",
    )
    killed = subprocess.run(
        command(*ingest(archive)),
        env=environment({"KRAKEN_FAILPOINT": f"{point}:{visit}"}),
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    asking(*ingest(archive))
    assert but_for_grades(asking.state()) == but_for_grades(undisturbed(asking))


@pytest.mark.soak
def test_a_sweep_that_is_killed_goes_on_at_its_page(
    asking: Kraken, exchange: SimulatedExchange, archive: Path, undisturbed: Callable[[Kraken], dict[str, Any]]
) -> None:
    exchange.faults = Faults((Fault(FaultKind.TIMEOUT, "Trades", BTC, nth=5),))  # it stands there until it is killed
    with subprocess.Popen(
        command(*ingest(archive)), env=environment(os.environ), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        pages = _pages(exchange)
        while len(pages) < 5 or _reached(asking) != int(pages[4]["since"]):  # answers are committed within a second
            assert process.poll() is None
            time.sleep(0.05)
            pages = _pages(exchange)
        process.kill()
    exchange.faults = Faults()
    exchange.requests.clear()
    asking(*ingest(archive))

    left = _pages(exchange)
    assert left[0]["since"] == pages[4]["since"]
    assert but_for_grades(asking.state()) == but_for_grades(undisturbed(asking))


def _pages(exchange: SimulatedExchange) -> list[dict[str, str]]:
    """The questions for pages of BTC/USD's trades, without the one for the first trade."""
    return [
        dict(each.query)
        for each in exchange.requests
        if (each.endpoint, each.pair) == ("Trades", BTC) and each.query.get("count") != "1"
    ]


def _reached(kraken: Kraken) -> int | None:
    """Where the sweep of BTC/USD would go on."""
    with Workbench.open(kraken.home) as workbench:
        point = workbench.ledger.sweep_points().get(BTC)
        return point and point.cursor
