"""The plan is what runs: it says between what bounds its requests lie, and more than that somebody has to agree to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kraken_core.domain import request_bounds
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout
from tests.support.command_line import Kraken

START = day_start(date(2026, 3, 30))
BTC, ADA = Pair("BTC", "USD"), Pair("ADA", "USD")
MARKET = SimulatedMarket.make(
    5,
    [Listing(BTC, 1.0, 97_000, 1, 0.05), Listing(ADA, 0.1, 0.45, 6, 400)],
    START,
    START + 6 * DAY_S,
)
ASKED = ("ingest", "--tier", "ALL", "--start-date", "2026-03-30", "--json")


@pytest.fixture
def asking(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kraken]:
    """The command line, which asks an exchange that allows any pace."""
    with SimulatedExchange(MARKET, limits=None) as exchange:
        monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        yield kraken


@pytest.fixture
def unstated(tmp_path: Path) -> Path:
    """A folder of files of two days that says nothing of what they cover."""
    release = Release("master_q4.zip", START, START + 2 * DAY_S, layout=ReleaseLayout.FOLDER)
    return write_release(MARKET, release, tmp_path)


@pytest.mark.parametrize("with_files", [False, True], ids=["nothing stored", "an archive that states nothing"])
def test_the_requests_made_lie_within_the_bounds_of_the_plan(asking: Kraken, unstated: Path, with_files: bool) -> None:
    words = ("--csv-source-dir", unstated) if with_files else ()
    plan = asking(*ASKED, *words, "--dry-run").json

    done = asking(*ASKED, *words, "--yes", code=None)

    assert done.code == 0, done.err
    assert plan["requests"] < plan["requests_at_most"]
    assert plan["requests"] <= done.json["api"]["requests"] <= plan["requests_at_most"]
    assert done.json["completeness"]["missing"] <= done.json["completeness"]["wanted"] // 100


def test_a_job_that_needs_more_than_its_plan_said_pauses_and_goes_on_once_that_is_agreed_to(
    asking: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as misjudged:  # the plan takes the pairs for much quieter than they are
        misjudged.setattr(request_bounds, "RATE_IS_OFF_BY", 0)
        misjudged.setattr(request_bounds, "A_PAIR", 1)
        said = asking(*ASKED, "--yes", code=3).err
    assert "job 1 is paused: the plan's" in said
    assert "To allow them: kraken-history ingest --resume 1" in said

    events = asking("jobs", 1).out
    assert "requests  the plan's" in events

    done = asking("ingest", "--resume", 1, "--yes", "--json").json
    assert done["job_id"] == 1
    assert done["status"] == "COMPLETED"


class Typed(io.StringIO):
    """What somebody types on a terminal; at its end, as by Ctrl-D."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["y\nn\n", "y\n"], ids=["no", "the end of the input"])
def test_more_requests_that_are_not_agreed_to_leave_the_job_paused_and_say_so(
    asking: Kraken, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(request_bounds, "RATE_IS_OFF_BY", 0)
    monkeypatch.setattr(request_bounds, "A_PAIR", 1)
    monkeypatch.setattr("sys.stdin", Typed(typed))
    said = asking(*ASKED, code=3).err
    assert "To allow them: kraken-history ingest --resume 1" in said.splitlines()[-1]
    assert asking("jobs", "--json").json[0]["status"] == "PAUSED"


@pytest.mark.parametrize("allowed", [("--max-requests", 500), ("--complete",)])
def test_what_was_allowed_beforehand_is_not_asked_again(
    asking: Kraken, monkeypatch: pytest.MonkeyPatch, allowed: tuple[object, ...]
) -> None:
    monkeypatch.setattr(request_bounds, "RATE_IS_OFF_BY", 0)
    monkeypatch.setattr(request_bounds, "A_PAIR", 1)

    done = asking(*ASKED, "--yes", *allowed, code=None)

    assert done.code in {0, 4}, done.err
    assert done.json["status"] == "COMPLETED"
