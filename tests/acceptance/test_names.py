"""Names of files, from ingest to the report: told by the exchange, remembered, and mended where they were wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import Pair
from kraken_core.domain.names import Names, PairName
from kraken_core.domain.timerange import day_start, iso
from kraken_core.pipeline import rename
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.helping import in_soak, table
from tests.support.pocket_exchange import PocketExchange, at_pocket

START = day_start(date(2026, 3, 30))
END = START + 4 * DAY_S
PAIRS = [Pair("ETH", "AUSD"), Pair("BTC", "RLUSD"), Pair("BTC", "USDG"), Pair("KNOB", "AUSD"), Pair("AAPLx", "USD")]
WRONG = {
    Pair("ETHA", "USD"): Pair("ETH", "AUSD"),
    Pair("XBTRL", "USD"): Pair("BTC", "RLUSD"),
    Pair("KNOBA", "USD"): Pair("KNOB", "AUSD"),
    Pair("AAPLX", "USD"): Pair("AAPLx", "USD"),
}
MARKET = SimulatedMarket.make(
    4,
    [Listing(pair, 0.05, 100, 2, 1, tokenized=pair.base == "AAPLx") for pair in (*PAIRS, Pair("BTC", "USD"))],
    START,
    END,
)
ASKED = {"tier": "ALL", "start_date": "2026-03-30", "intervals": [60, 1440]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = Release("two_days.zip", START, START + 2 * DAY_S, manifest=True, intervals=(60, 1440))
    return write_release(MARKET, release, tmp_path_factory.mktemp("archives"))


def run(home: Path, *sources: Path, exchange: PocketExchange | None = None, **more: Any) -> int:
    """One job; without an exchange it asks none. Returns its number."""
    with at_pocket(home, exchange or PocketExchange(MARKET)) as bench:
        asked = {**ASKED, "as_of": END, "api_backfill": exchange is not None, **more}
        return bench.run(bench.plan(sources=sources, **asked)).id


def alone(home: Path, source: Path, point: str) -> subprocess.CompletedProcess[str]:
    """The same job in a process of its own, which dies where it gets to the point."""
    where = ["--home", str(home), "--csv-source-dir", str(source), "--as-of", iso(END)]
    words = ["--tier", "ALL", "--start-date", str(ASKED["start_date"]), "--intervals", "1h,1d", "--no-api-backfill"]
    command = [sys.executable, "-m", "kraken_core", "ingest", *where, *words, "--yes"]
    environment = {**os.environ, "KRAKEN_FAILPOINT": point}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def split_wrongly(home: Path) -> None:
    """Have a home read names as they were read before the exchange was listened to."""
    wrong = [PairName(pair, right.altname, right.altname) for pair, right in WRONG.items()]
    know(home, [pair for pair in PAIRS if pair not in WRONG.values()], *wrong)


def know(home: Path, right: list[Pair], *others: PairName) -> None:
    """Have a home know what pairs are called."""
    with Workbench.open(home) as bench:
        bench.create_home()
        bench.ledger.remember_names(Names([*(PairName(p, p.altname, p.altname) for p in right), *others]))


def state(home: Path) -> dict[str, Any]:
    """What is held and known of a home, comparable with another one's."""
    with Workbench.open(home) as bench:
        return {
            "candles": table(bench).rows(),
            "coverage": bench.ledger.coverage(),
            "gaps": [gap._replace(id=None) for gap in bench.ledger.gaps()],
            "pairs": bench.ledger.pairs(),
            "report": bench.completeness().to_dict("records"),
        }


def pairs(home: Path) -> set[Pair]:
    with Workbench.open(home) as bench:
        return {record.pair for record in bench.ledger.pairs()}


def said(home: Path, job: int, kind: str) -> list[str]:
    with Workbench.open(home) as bench:
        return [event.message for event in bench.ledger.events(job) if event.kind == kind]


def test_with_the_exchange_at_hand_files_are_called_as_it_calls_them(home: Path, archive: Path) -> None:
    run(home, archive, exchange=PocketExchange(MARKET))
    assert pairs(home) == {*PAIRS, Pair("BTC", "USD")}
    with Workbench.open(home) as bench:
        assert bench.ledger.gaps() == []
        assert len(bench.candles("KNOBAUSD", 60)) == len(bench.candles("KNOB/AUSD", 60)) > 0
        tiers = {record.pair: record.tier for record in bench.ledger.pairs()}
        assert tiers[Pair("AAPLx", "USD")] is None
        assert tiers[Pair("KNOB", "AUSD")] == "TIER4"


def test_what_the_exchange_told_is_remembered_where_it_is_not_asked(home: Path, archive: Path) -> None:
    run(home, exchange=PocketExchange(MARKET), max_requests=0)
    run(home, archive)
    assert pairs(home) == {*PAIRS, Pair("BTC", "USD")}


def test_offline_known_assets_tell_where_names_are_split_and_ambiguous_ones_are_noted(
    home: Path, archive: Path
) -> None:
    with at_pocket(home, PocketExchange(MARKET)) as bench:
        plan = bench.plan(sources=[archive], api_backfill=False, as_of=END, **ASKED)
    found = {planned.file.series.pair for planned in plan.files}
    assert found == {*PAIRS, Pair("BTC", "USD"), Pair("KNOBA", "USD")} - {Pair("KNOB", "AUSD")}
    [note] = [note for archive in plan.archives for note in archive.notes]
    assert "1 ambiguous pair name (KNOBAUSD is read as KNOBA/USD, but may be KNOB/AUSD)" in note


def test_pairs_that_were_stored_under_a_wrong_name_are_renamed_once_said_and_counted(
    home: Path, archive: Path, tmp_path: Path
) -> None:
    split_wrongly(home)
    run(home, archive)
    assert pairs(home) == {*WRONG, Pair("BTC", "USDG"), Pair("BTC", "USD")}
    with at_pocket(home, PocketExchange(MARKET)) as bench:
        notes = bench.plan(sources=[archive], as_of=END, **ASKED).notes
        assert any("4 stored pairs renamed first" in note and "ETHA/USD is ETH/AUSD" in note for note in notes)
        candles = table(bench).filter(pl.col("pair") == "ETHA/USD").height
        claims = len(bench.ledger.assertions([Pair("ETHA", "USD")]))
    job = run(home, archive, exchange=PocketExchange(MARKET))

    messages = said(home, job, "renamed")
    assert len(messages) == len(WRONG)
    [ether] = [message for message in messages if message.startswith("ETHA/USD is called ETH/AUSD")]
    assert f"renamed {candles} candles, 2 files and {claims} claims" in ether
    assert candles > 0
    right = tmp_path / "right"
    run(right, archive)
    run(right, archive, exchange=PocketExchange(MARKET))
    assert state(home) == state(right)
    assert said(home, run(home, archive, exchange=PocketExchange(MARKET)), "renamed") == []
    assert state(home) == state(right)


def test_a_pair_is_asked_for_by_its_wrong_name_and_found_by_its_right_one(home: Path, archive: Path) -> None:
    split_wrongly(home)
    run(home, archive)
    run(home, exchange=PocketExchange(MARKET), tier=None, pairs=["ETHA/USD"])
    with Workbench.open(home) as bench:
        [gaps, report] = [bench.gaps(pairs=["ETHAUSD"]), bench.completeness(pairs=["ETHAUSD"])]
        assert gaps.empty
        assert set(report["pair"]) == {"ETH/AUSD"}


def test_what_both_names_hold_is_merged_by_rank(home: Path, tmp_path: Path) -> None:
    old = Release("old.zip", START, START + 2 * DAY_S, manifest=True, intervals=(60,), volume_error=0.002)
    new = Release("new.zip", START, START + 3 * DAY_S, manifest=True, intervals=(60,))
    before, after = (write_release(MARKET, each, tmp_path / each.name) for each in (old, new))
    for first, second, folder in ((before, after, "a"), (after, before, "b")):
        split_wrongly(tmp_path / folder)
        run(tmp_path / folder, first)
        know(tmp_path / folder, PAIRS)
        run(tmp_path / folder, second)
    know(tmp_path / "right", PAIRS)
    run(tmp_path / "right", before)
    run(tmp_path / "right", after)
    candles = [state(tmp_path / name)["candles"] for name in ("a", "b", "right")]
    assert candles[0] == candles[1] == candles[2] != []


@pytest.mark.parametrize(
    ("point", "visit"),
    [
        ("rename.copied", 1),
        *in_soak(("rename.copied", 4), ("rename.candles", 1)),
    ],
)
def test_a_job_that_is_cut_off_while_it_renames_is_gone_on_with(
    home: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, visit: int
) -> None:
    split_wrongly(home)
    run(home, archive)
    visits: list[str] = []

    def cut_off(name: str) -> None:
        visits.append(name)
        if visits.count(point) == visit:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rename, "reached", cut_off)
        with pytest.raises(Interrupted, match="paused"):
            run(home, archive, exchange=PocketExchange(MARKET))
    run(home, archive, exchange=PocketExchange(MARKET))
    with Workbench.open(home) as bench:
        assert bench.jobs()[0].status is JobStatus.COMPLETED
    right = tmp_path / "right"
    run(right, archive)
    run(right, archive, exchange=PocketExchange(MARKET))
    assert state(home) == state(right)


@pytest.mark.parametrize("point", in_soak("rename.candles:1", "rename.copied:1", "rename.copied:4"))
def test_a_job_that_is_killed_while_it_renames_is_run_again(
    home: Path, archive: Path, tmp_path: Path, point: str
) -> None:
    split_wrongly(home)
    run(home, archive)
    know(home, PAIRS)
    killed, again = (alone(home, archive, point) for point in (point, ""))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert again.returncode == 0, again.stderr
    right = tmp_path / "right"
    know(right, PAIRS)
    run(right, archive)
    assert state(home) == state(right)


@pytest.mark.soak
def test_a_job_taken_back_after_a_rename_brings_no_wrong_name_back(home: Path, archive: Path, tmp_path: Path) -> None:
    split_wrongly(home)
    run(home, archive)
    later = write_release(
        MARKET, Release("third.zip", START + 2 * DAY_S, START + 3 * DAY_S, intervals=(60,)), tmp_path / "later"
    )
    second = run(home, later)
    run(home, exchange=PocketExchange(MARKET), auto_gap_fill=False, max_requests=0)
    with Workbench.open(home) as bench:
        bench.undo(second)
        held = set(bench.sql("select distinct pair from candles")["pair"])
        assert held == {str(pair) for pair in (*PAIRS, Pair("BTC", "USD"))}
    right = tmp_path / "right"
    run(right, archive)
    run(right, exchange=PocketExchange(MARKET), auto_gap_fill=False, max_requests=0)
    assert state(home)["candles"] == state(right)["candles"]
