"""Trades are kept where that is wanted: those of the tape, each once, and where none is missing is proved."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, StoreError, TableLostError
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import TimeRanges, day_start
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.simulator.archive import trades_text, write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.support.closing_trades import trading_to
from tests.support.command_line import Kraken
from tests.support.kept_trades import assert_kept_is_tape, keeping, kept
from tests.support.little_market import BTC_USD

ETH = Pair("ETH", "EUR")
START, END = day_start(date(2024, 3, 30)), day_start(date(2024, 4, 1))
WHOLE = ("--start-date", "2024-03-30", "--as-of", "2024-04-01T00:00:00Z")
ARCHIVE = "Kraken_Trading_History_Q1_2024.zip"


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    listings = [Listing(BTC_USD, 2.0, 68_000, 1, 0.05), Listing(ETH, 0.05, 3_100, 2, 1e-5)]
    return trading_to([END], SimulatedMarket.make(11, listings, START, END))


@pytest.fixture
def archive(market: SimulatedMarket, tmp_path: Path) -> Path:
    return write_release(market, Release(ARCHIVE, START, END, trades=True), tmp_path / "in")


def test_trades_of_an_archive_are_kept_as_they_were_traded(
    market: SimulatedMarket, archive: Path, kraken: Kraken
) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    for pair in market.tapes:
        assert_kept_is_tape(kraken.home, market, pair, START, END)
    with Workbench.open(kraken.home) as workbench:
        whole = workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", require_complete=True)
        assert len(whole) == len(market.tapes[BTC_USD])
        with pytest.raises(IncompleteError, match="not proved by ids"):
            workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", evidence="proved")


def test_nothing_is_kept_unless_that_is_wanted(archive: Path, kraken: Kraken) -> None:
    kraken.ingest(archive, *WHOLE)
    assert kept(kraken.home, BTC_USD).is_empty()
    assert not (kraken.home / "trades").exists()


def test_trades_of_an_archive_that_was_read_before_are_kept_once_that_is_wanted(
    market: SimulatedMarket, archive: Path, kraken: Kraken
) -> None:
    kraken.ingest(archive, *WHOLE)
    keeping(kraken.home)
    again = kraken.ingest(archive, *WHOLE)
    assert (again["files"]["skipped"], again["records"]["new"]) == (16, 0)
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)
    third = kraken.ingest(archive, *WHOLE)
    assert (third["files"]["skipped"], third["records"]["read"]) == (16, 0)


def test_trades_of_a_file_with_bad_rows_are_kept_and_not_claimed_around_them(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    lines = trades_text(market.tapes[BTC_USD].between(START, END)).decode().splitlines(keepends=True)
    middle = len(lines) // 2
    (tmp_path / "in").mkdir()
    (tmp_path / "in/XBTUSD.csv").write_text("".join([*lines[:middle], "neither,a,trade\n", *lines[middle:]]))
    keeping(kraken.home)
    kraken.ingest(tmp_path / "in", *WHOLE)
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)
    with Workbench.open(kraken.home) as workbench:
        at = market.tapes[BTC_USD].time_ns[middle] // NS
        covered = TimeRanges.of((c.start, c.end) for c in workbench.ledger.kept_claims([BTC_USD]))
        assert at not in covered
        assert START + 3600 in covered
        with pytest.raises(IncompleteError) as refused:
            workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", require_complete=True)
    assert any(gap.start <= at < gap.end for gap in refused.value.gaps)


def test_trades_without_an_end_are_checked_to_the_last_though_a_job_ended_before_it_detected_gaps(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two archives are trades that nobody has."""
    noon, evening = START + 12 * 3_600, START + 18 * 3_600
    for name, span in {"first": (START, noon), "later": (evening, END)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "XBTUSD.csv").write_bytes(trades_text(market.tapes[BTC_USD].between(*span)))
    keeping(kraken.home)
    kraken.ingest(tmp_path / "first", "--start-date", "2024-03-30", "--as-of", "2024-03-30T11:00:00Z")
    with Workbench.open(kraken.home) as workbench:
        workbench.trades("BTC/USD", "2024-03-30T01:00:00Z", require_complete=True)

    def fail(*_: object) -> None:
        raise StoreError("no gap was detected")

    monkeypatch.setattr(GapRecorder, "run", fail)
    kraken.ingest(tmp_path / "later", *WHOLE, code=1)
    with Workbench.open(kraken.home) as workbench:
        assert len(workbench.trades("BTC/USD", "2024-03-31T12:00:00Z"))
        with pytest.raises(IncompleteError):
            workbench.trades("BTC/USD", "2024-03-30T01:00:00Z", require_complete=True)


def test_what_a_job_kept_is_taken_back_with_it(market: SimulatedMarket, archive: Path, kraken: Kraken) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    kraken("undo", "1", "--home", kraken.home, "--yes")
    assert kept(kraken.home, BTC_USD).is_empty()
    with Workbench.open(kraken.home) as workbench:
        assert workbench.ledger.kept_claims() == []
    kraken.ingest(archive, *WHOLE)
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)


def test_a_job_that_kept_trades_alone_is_undone_and_the_candles_stay(archive: Path, kraken: Kraken) -> None:
    kraken.ingest(archive, *WHOLE)
    candles = kraken.state()
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    assert kept(kraken.home, BTC_USD).height
    kraken("undo", "2", "--yes")
    assert kept(kraken.home, BTC_USD).is_empty()
    assert kraken.state() == candles


def test_candles_of_an_archive_are_read_again_after_undo_where_its_copy_was_read_for_its_trades_alone(
    market: SimulatedMarket, archive: Path, kraken: Kraken, tmp_path: Path
) -> None:
    kraken.ingest(archive, *WHOLE)
    before = kraken.state()
    keeping(kraken.home)
    copy = Path(shutil.copy(archive, tmp_path))
    kraken.ingest(copy, *WHOLE)
    kraken("undo", "1", "--yes")
    kraken.ingest(copy, *WHOLE)
    assert kraken.state() == before
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)


def test_a_backup_has_the_trades_too(market: SimulatedMarket, archive: Path, kraken: Kraken, tmp_path: Path) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    kraken("backup", tmp_path / "saved", "--home", kraken.home)
    kraken("restore", tmp_path / "saved", "--home", tmp_path / "restored")
    assert_kept_is_tape(tmp_path / "restored", market, BTC_USD, START, END)
    with Workbench.open(tmp_path / "restored") as workbench:
        assert len(workbench.trades("ETH/EUR", "2024-03-30", "2024-04-01", require_complete=True))


@pytest.mark.parametrize("loss", ["all", "a file"])
def test_trades_that_are_lost_are_never_taken_for_complete(
    loss: str, market: SimulatedMarket, archive: Path, kraken: Kraken
) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    if loss == "all":
        shutil.rmtree(kraken.home / "trades")
    else:
        next((kraken.home / "trades").rglob("year=*/*.parquet")).unlink()
    with Workbench.open(kraken.home) as workbench, pytest.raises((TableLostError, StoreError), match="trades"):
        workbench.trades("BTC/USD")
    found = kraken("doctor", "--home", kraken.home, "--json", code=None).json
    assert {check["status"] for check in found["checks"] if check["name"] == "trades"} == {"problem"}
    assert any(
        "of kept trades" in each
        for each in kraken("doctor", "--repair", "--home", kraken.home, "--json", code=None).json["repairs"]
    )
    with Workbench.open(kraken.home) as workbench, pytest.raises(IncompleteError):
        workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", require_complete=True)
    kraken.ingest(archive, *WHOLE)
    assert_kept_is_tape(kraken.home, market, BTC_USD, START, END)


def test_trades_and_bars_from_the_command_line_and_in_sql(
    market: SimulatedMarket, archive: Path, kraken: Kraken, tmp_path: Path
) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    home = ("--home", kraken.home)
    shown = kraken("trades", *home, "--json").json
    assert {(row["pair"], row["proved"], row["sources"]) for row in shown} == {
        ("BTC/USD", False, "archive"),
        ("ETH/EUR", False, "archive"),
    }
    day, tape = ("--start-date", "2024-03-30", "--end-date", "2024-03-30"), market.tapes[BTC_USD]
    first_day = tape.between(START, START + 86_400)
    rows = kraken("trades", "BTC/USD", *home, *day, "--json").json
    assert [Decimal(row["price"]) for row in rows] == [Decimal(price) for price in first_day.prices()]
    kraken("trades", "XBTUSD", *home, *day, "--to", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").height == len(first_day)
    made = kraken("trades", "BTC/USD", *home, "--bars", "tick", "--size", "100", "--json").json
    assert sum(bar["trades"] for bar in made) == len(tape)
    [row] = kraken(
        "sql", "select count(*) as trades, sum(volume) as volume from trades where pair = 'BTC/USD'", *home, "--json"
    ).json
    assert row["trades"] == len(tape)
    assert Decimal(str(row["volume"])) == Decimal(int(tape.volume_units.sum())).scaleb(-8)
    joined = (
        "select count(*) as n from candles c join trades t on c.pair = t.pair and c.time = date_trunc('minute', t.time)"
    )
    [row] = kraken("sql", f"{joined} where interval_minutes = 1", *home, "--json").json
    assert row["n"] == sum(map(len, market.tapes.values()))
    assert kraken("sql", "select * from trade_coverage", *home, "--json").json
    assert "name a kind of bars" in kraken("trades", "BTC/USD", *home, "--size", "3", code=2).err
    assert "name a pair" in kraken("trades", *home, "--require-complete", code=2).err
    refused = kraken("trades", "BTC/USD", *home, "--evidence", "proved", code=4)
    assert "not proved by ids" in refused.err


def test_bars_of_time_are_the_stored_candles(archive: Path, kraken: Kraken) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    values = ["open", "high", "low", "close", "volume", "trades"]
    with Workbench.open(kraken.home) as workbench:
        for pair in ("BTC/USD", "ETH/EUR"):
            for interval in INTERVALS:
                candles = workbench.candles(pair, interval, "2024-03-30", "2024-04-01", to="polars")
                made = workbench.bars(
                    pair,
                    "2024-03-30",
                    "2024-04-01",
                    kind="time",
                    size=f"{interval}m",
                    require_complete=True,
                    to="polars",
                )
                assert made["complete"].all()
                assert made.select(values).rows() == candles.select(values).rows(), (pair, interval)
                assert made["time"].dt.epoch("us").to_list() == candles["time"].dt.epoch("us").to_list()
