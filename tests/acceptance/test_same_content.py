"""A file with the content of another pair's is taken for neither: nobody knows whose it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import is_settled
from kraken_core.domain.errors import JobError, LedgerError
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import FileStatus
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.never_false import assert_nothing_false
from tests.support.doubted import doubts
from tests.support.helping import ingest, table
from tests.support.strategies import PAIRS, START

BTC, ETH, MATIC, POL = Pair("BTC", "USD"), Pair("ETH", "EUR"), Pair("MATIC", "USD"), Pair("POL", "USD")
END = START + 3 * 86_400


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    listings = [Listing(BTC, 1.0, *PAIRS[BTC]), Listing(ETH, 0.3, *PAIRS[ETH])]
    return SimulatedMarket.make(5, listings, START, END)


def release(market: SimulatedMarket, folder: Path, name: str = "release.zip", *, trades: bool = False) -> Path:
    """All files of both pairs, as they should be."""
    layout = ReleaseLayout.FOLDER
    return write_release(market, Release(name, START, END, layout, manifest=not trades, trades=trades), folder)


def names(pair: Pair, *, trades: bool = False) -> list[str]:
    stem = {BTC: "XBTUSD", ETH: "ETHEUR", MATIC: "MATICUSD", POL: "POLUSD"}[pair]
    return [f"{stem}.csv"] if trades else [f"{stem}_{interval}.csv" for interval in INTERVALS]


def misname(archive: Path, content: Pair = BTC, name: Pair = ETH, *, trades: bool = False) -> None:
    """Give the files of a pair the content of another's."""
    for wrong, right in zip(names(name, trades=trades), names(content, trades=trades), strict=True):
        shutil.copy(archive / right, archive / wrong)


def only(archive: Path, pair: Pair, folder: Path) -> Path:
    """A folder of the files of one pair alone, which state nothing."""
    folder.mkdir(parents=True)
    for name in names(pair):
        shutil.copy(archive / name, folder)
    return folder


def of_grades(workbench: Workbench, pair: Pair, interval: int) -> set[Grade]:
    return {c.grade for c in workbench.ledger.coverage() if c.series == (pair, interval)}


def refused(workbench: Workbench) -> dict[str, str]:
    """The files that failed, and why."""
    return {file.member: file.failure for file in workbench.ledger.files() if file.status is FileStatus.FAILED}


@pytest.mark.parametrize("trades", [False, True])
@pytest.mark.parametrize(("content", "name"), [(BTC, ETH), (ETH, BTC)])
def test_files_of_a_release_with_another_pairs_content_show_nothing_for_certain(
    market: SimulatedMarket, tmp_path: Path, content: Pair, name: Pair, *, trades: bool
) -> None:
    archive = release(market, tmp_path, trades=trades)
    misname(archive, content, name, trades=trades)
    ingest(tmp_path / "home", market, archive)

    with Workbench.open(tmp_path / "home") as workbench:
        assert {c.grade for c in workbench.ledger.coverage()} == {Grade.DOUBTFUL}
        assert all("same content as one of another pair" in " ".join(reasons) for _, reasons in doubts(workbench))
        assert len({c.series.pair for c in workbench.ledger.coverage()}) == 1
        [failed] = {Path(member).name.partition("_")[0].removesuffix(".csv") for member in refused(workbench)}
        [other] = {"XBTUSD", "ETHEUR"} - {failed}
        assert all(f"the same content as {other}" in reason for reason in refused(workbench).values())
        [note] = [e.message for job in workbench.jobs() for e in workbench.ledger.events(job.id) if "same" in e.message]
        assert "counts as doubtful until another source agrees" in note


@pytest.mark.parametrize("first", [BTC, ETH])
def test_it_makes_no_difference_that_the_other_file_was_read_by_an_earlier_job(
    market: SimulatedMarket, tmp_path: Path, first: Pair
) -> None:
    archive = release(market, tmp_path)
    misname(archive)
    second = ETH if first == BTC else BTC
    folders = {pair: only(archive, pair, tmp_path / pair.base) for pair in (BTC, ETH)}
    for pair in (first, second, second):
        ingest(tmp_path / "home", market, folders[pair])
    with Workbench.open(tmp_path / "home") as workbench:
        assert {(c.series.pair, c.grade) for c in workbench.ledger.coverage()} == {(first, Grade.DOUBTFUL)}


def test_an_interval_that_the_others_of_its_pair_agree_with_is_not_in_doubt(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    archive = release(market, tmp_path)
    shutil.copy(archive / "XBTUSD_60.csv", archive / "ETHEUR_60.csv")
    ingest(tmp_path / "home", market, archive)

    with Workbench.open(tmp_path / "home") as workbench:
        assert_nothing_false(workbench, market)
        assert of_grades(workbench, BTC, 60) == {Grade.CONFIRMED}
        assert list(refused(workbench)) == ["ETHEUR_60.csv"]


def test_the_right_file_in_its_place_ends_the_doubt(market: SimulatedMarket, tmp_path: Path) -> None:
    archive = release(market, tmp_path)
    misname(archive)
    ingest(tmp_path / "home", market, archive)
    release(market, tmp_path)
    ingest(tmp_path / "home", market, archive)

    with Workbench.open(tmp_path / "home") as workbench:
        assert_nothing_false(workbench, market)
        assert Grade.DOUBTFUL not in of_grades(workbench, BTC, 60) | of_grades(workbench, ETH, 60)


def test_an_asset_that_was_renamed_may_have_one_content_under_both_names(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    archive = only(release(market, tmp_path), BTC, tmp_path / "renamed")
    for name in (MATIC, POL):
        misname(archive, BTC, name)
    for bitcoin in names(BTC):
        (archive / bitcoin).unlink()
    ingest(tmp_path / "home", market, archive)

    with Workbench.open(tmp_path / "home") as workbench:
        assert not refused(workbench)
        assert {c.series.pair for c in workbench.ledger.coverage()} == {MATIC, POL}


def test_candles_that_a_crash_left_without_claims_count_no_more_once_their_file_is_refused(
    market: SimulatedMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = release(market, tmp_path)
    misname(archive)
    bitcoin, ether = only(archive, BTC, tmp_path / "bitcoin"), only(archive, ETH, tmp_path / "ether")

    def away(*_: object, **__: object) -> None:
        raise LedgerError("the ledger went away")

    monkeypatch.setattr(SqlLedger, "record_files", away)
    with pytest.raises(JobError):
        ingest(tmp_path / "home", market, ether)
    monkeypatch.undo()
    ingest(tmp_path / "home", market, bitcoin)
    ingest(tmp_path / "home", market, ether)

    with Workbench.open(tmp_path / "home") as workbench:
        left = table(workbench).filter(pl.col("pair") == str(ETH))
        assert left.height
        assert not left.filter(is_settled()).height
