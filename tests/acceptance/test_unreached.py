"""An exchange that was wanted and not reached: no job calls that success, and no gap is given up for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.sources.rest import retries
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Round, Watch
from tests.support.asking import asks
from tests.support.command_line import NOBODY, Kraken
from tests.support.helping import in_soak
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.web_server import self_signed, serving

START = day_start(date(2026, 3, 30))
BTC, ADA = Pair("BTC", "USD"), Pair("ADA", "USD")
MARKET = SimulatedMarket.make(
    5, [Listing(BTC, 0.02, 97_000, 1, 0.05), Listing(ADA, 0.01, 0.45, 6, 400)], START, START + 3 * DAY_S
)
SELECTED = ("--tier", "ALL", "--intervals", "60,1440", "--start-date", "2026-03-30")
NOT_REACHED = "the exchange was not reached: "


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of three days."""
    return write_release(
        MARKET, Release("a_day.zip", START, START + DAY_S, manifest=True), tmp_path_factory.mktemp("a")
    )


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def refused_port(_opened: ExitStack, _path: Path) -> str:
    return NOBODY


def no_such_name(_opened: ExitStack, _path: Path) -> str:
    return "https://api.kraken.com"  # which no test can look up


def captive_portal(opened: ExitStack, _path: Path) -> str:
    faults = Faults((Fault(FaultKind.PORTAL, times=None),))
    return opened.enter_context(SimulatedExchange(MARKET, limits=None, faults=faults)).url


def untrusted(opened: ExitStack, path: Path) -> str:
    return opened.enter_context(serving(path, certificate=self_signed(path))).url("").replace("http:", "https:")


def no_data(opened: ExitStack, _path: Path) -> str:
    faults = Faults(tuple(Fault(FaultKind.FORBIDDEN, endpoint, times=None) for endpoint in ("OHLC", "Trades")))
    return opened.enter_context(SimulatedExchange(MARKET, limits=None, faults=faults)).url


@pytest.fixture(
    params=[refused_port, captive_portal, no_data, *in_soak(no_such_name, untrusted)], ids=lambda way: way.__name__
)
def away(
    request: pytest.FixtureRequest,
    kraken: Kraken,
    opened: ExitStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Kraken:
    """The command line, whose exchange does not answer in one way or another."""
    way: Callable[[ExitStack, Path], str] = request.param
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setenv("KRAKEN_API_URL", way(opened, tmp_path))
    return kraken


def assert_open_with_route_and_reason(kraken: Kraken) -> None:
    """What the archive does not hold is open, with the route that fills it and why that was not taken."""
    gaps = kraken.rows("gaps")
    assert {gap["pair"] for gap in gaps} == {"BTC/USD", "ADA/USD"}
    assert {gap["status"] for gap in gaps} == {GapStatus.DETECTED}
    assert {gap["route"] for gap in gaps} <= {Route.OHLC, Route.TRADES}
    assert all(NOT_REACHED in gap["reason"] and gap["requests"] > 0 for gap in gaps)
    [job, *_] = kraken.rows("jobs")
    assert (job["gaps"]["open"], job["gaps"]["unfillable"], job["gaps"]["failed"]) == (len(gaps), 0, 0)


def test_an_ingest_exits_1_says_why_and_keeps_what_it_read(away: Kraken, archive: Path) -> None:
    said = away("ingest", "--csv-source-dir", archive, *SELECTED, "--yes", "--json", code=1)
    assert said.json["status"] == "COMPLETED"
    assert said.json["error"].startswith(NOT_REACHED)
    assert said.json["files"]["ingested"] == 4
    *_, last = said.err.splitlines()
    assert last.startswith("kraken-history: job 1 completed only in part: the exchange was not reached: ")
    assert "Traceback" not in said.err
    assert_open_with_route_and_reason(away)


def test_a_backfill_exits_1_and_says_why(away: Kraken, archive: Path) -> None:
    away.ingest(archive, "--intervals", "60,1440", "--start-date", "2026-03-30", "--as-of", "2026-04-02")
    said = away("backfill", "--yes", "--json", code=1)
    assert said.json["error"].startswith(NOT_REACHED)
    assert NOT_REACHED in said.err
    assert_open_with_route_and_reason(away)


def test_every_round_of_a_watch_fails_and_is_told_of(away: Kraken, archive: Path) -> None:
    told: list[Notice] = []
    with Workbench.open(away.home) as wb:
        rounds = watched(wb, archive, told, 2)
    assert all(done.job and done.failed and done.failed.startswith(NOT_REACHED) for done in rounds)
    assert [notice.kind for notice in told] == ["exchange", "exchange"]
    assert "2 rounds in a row failed" in told[1].message
    assert_open_with_route_and_reason(away)

    said = away("watch", "--csv-source-dir", archive, *SELECTED, "--rounds", 1, "--json", code=1)
    [row] = said.json
    assert row["failed"] in said.err
    assert row["job"]["error"] == row["failed"]


def watched(wb: Workbench, archive: Path, told: list[Notice], rounds: int) -> list[Round]:
    """So many rounds, without a wait."""
    left = iter([False] * (rounds - 1) + [True])
    request = {"tier": "ALL", "sources": [archive], "intervals": [60, 1440], "start_date": "2026-03-30"}
    return list(Watch(wb, request, 60, 0, lambda _: next(left), lambda: False, [told.append]).rounds())


def test_a_watch_tells_of_rounds_that_fail_at_growing_distances_and_begins_anew_after_one_that_does_not(
    kraken: Kraken, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    faults = Faults((Fault(FaultKind.PORTAL, times=None),))
    told: list[Notice] = []
    with SimulatedExchange(MARKET, limits=None, faults=faults) as exchange:
        asks(monkeypatch, exchange)
        with Workbench.open(kraken.home) as wb:
            assert all(done.failed for done in watched(wb, archive, told, 6))
            assert len(told) == 3  # the first, the second and the fourth
            exchange.faults = Faults()
            [good] = watched(wb, archive, told, 1)
            assert not good.failed
            assert [notice.kind for notice in told[3:]] == ["recovery"]
            assert "after 6 rounds failed" in told[3].message
            assert wb.gaps().empty


def test_the_next_job_asks_at_once_what_nobody_answered(
    kraken: Kraken, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage is no fault of a gap's, which would make it wait."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    with SimulatedExchange(MARKET, limits=None) as exchange:
        asks(monkeypatch, exchange)
        exchange.faults = Faults(tuple(Fault(FaultKind.FORBIDDEN, each, times=None) for each in ("OHLC", "Trades")))
        kraken("ingest", "--csv-source-dir", archive, *SELECTED, "--yes", code=1)
        exchange.faults = Faults()
        assert json.loads(kraken("backfill", "--yes", "--json").out)["completeness"]["missing"] == 0
    assert kraken.rows("gaps") == []


def test_a_pair_that_alone_is_refused_costs_only_itself(
    kraken: Kraken, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(tuple(Fault(FaultKind.FORBIDDEN, each, BTC, times=None) for each in ("OHLC", "Trades")))
    with SimulatedExchange(MARKET, limits=None, faults=faults) as exchange:
        asks(monkeypatch, exchange)
        done = kraken("ingest", "--csv-source-dir", archive, *SELECTED, "--yes", "--json").json
    assert done["error"] is None
    gaps = kraken.rows("gaps")
    assert {(gap["pair"], gap["status"]) for gap in gaps} == {("BTC/USD", GapStatus.FAILED)}
    assert all("access refused" in gap["reason"] for gap in gaps)
    assert all(row["missing"] == 0 for row in kraken.rows("report", "--pairs", "ADA/USD"))


def test_where_nothing_is_stored_and_nobody_answers_nothing_is_made(kraken: Kraken) -> None:
    said = kraken("ingest", "--pairs", "BTC/USD", "--yes", code=1)
    assert "the exchange was not reached: could not reach 127.0.0.1:9: connection refused" in said.err
    assert not kraken.home.exists()


def test_an_exchange_that_is_not_wanted_is_not_missed(kraken: Kraken, archive: Path) -> None:
    for word in ("--no-api-backfill", "--no-auto-gap-fill"):
        kraken("ingest", "--csv-source-dir", archive, *SELECTED, word, "--yes", "--as-of", "2026-04-02")
        reasons = {gap["reason"] for gap in kraken.rows("gaps")}
        assert reasons == {f"within the last 720 candles; the exchange was not queried ({word})"}
        assert {gap["status"] for gap in kraken.rows("gaps")} == {GapStatus.DETECTED}


def test_a_job_that_is_stopped_while_it_asks_leaves_no_gap_being_filled(kraken: Kraken, archive: Path) -> None:
    kraken.ingest(archive, "--intervals", "60,1440", "--start-date", "2026-03-30", "--as-of", "2026-04-02")
    exchange = PocketExchange(MARKET)
    while_asked: set[str] = set()

    def look(kind: str, _pair: Pair | None) -> None:
        if kind in {"OHLC", "Trades"}:
            while_asked.update(gap.status for gap in wb.ledger.gaps())
            raise Interrupted("paused")

    exchange.fails = look
    with at_pocket(kraken.home, exchange) as wb:
        with pytest.raises(Interrupted):
            wb.runner.run(wb.runner.start(plan := wb.runner.build_plan(wb.backfill_request())), plan)
        assert while_asked == {GapStatus.BACKFILLING}
        assert {gap.status for gap in wb.ledger.gaps()} == {GapStatus.DETECTED}
        [job, *_] = wb.jobs()
        wb.ledger.move(job, job.mark_cancelled())
        assert {gap.status for gap in wb.ledger.gaps()} == {GapStatus.DETECTED}
