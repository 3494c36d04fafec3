"""Archives of trades, ingested as a user does: the truth at every interval."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import day_start
from kraken_core.pipeline import read_trades
from kraken_core.simulator.archive import trades_text, write_release
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.never_false import assert_nothing_false_complete
from tests.support.closing_trades import trading_to
from tests.support.command_line import Kraken
from tests.support.helping import table
from tests.support.little_market import BTC_USD, LittleMarket

ETH = Pair("ETH", "EUR")
START, END = day_start(date(2024, 3, 30)), day_start(date(2024, 4, 1))
WHOLE = ("--start-date", "2024-03-30", "--as-of", "2024-04-01T00:00:00Z")


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    listings = [Listing(BTC_USD, 2.0, 68_000, 1, 0.05), Listing(ETH, 0.05, 3_100, 2, 1e-5)]
    return trading_to([END], SimulatedMarket.make(11, listings, START, END))


def held(kraken: Kraken) -> pl.DataFrame:
    with Workbench.open(kraken.home) as workbench:
        return table(workbench)


def truth(market: SimulatedMarket, *, start: int = START, end: int = END) -> pl.DataFrame:
    parts = [
        market.truth(pair, interval).filter(
            pl.col("time").dt.epoch("s").is_between(start, end - interval * 60, closed="both")
        )
        for pair in market.tapes
        for interval in INTERVALS
    ]
    return pl.concat(parts).sort("pair", "interval_minutes", "time")


def covered(kraken: Kraken, *words: object) -> list[tuple[int, str, str, str]]:
    return [(r["interval"], r["start"], r["end"], r["source"]) for r in kraken.rows("coverage", *words)]


@pytest.mark.parametrize("layout", list(ReleaseLayout))
def test_an_archive_of_trades_is_the_truth_at_all_eight_intervals(
    market: SimulatedMarket, layout: ReleaseLayout, kraken: Kraken, tmp_path: Path
) -> None:
    release = Release("Kraken_Trading_History_Q1_2024.zip", START, END, layout, folder="TimeAndSales", trades=True)
    said = kraken.ingest(write_release(market, release, tmp_path / "in"), *WHOLE)
    assert said["files"] == {"total": 16, "ingested": 16, "skipped": 0, "failed": 0}
    assert said["gaps"]["detected"] == 0
    candles = held(kraken)
    assert candles["source"].unique().to_list() == ["trades"]
    assert_frame_equal(candles.select(*COLUMNS), truth(market), check_exact=True)
    assert {source for *_, source in covered(kraken)} == {"CSV"}
    again = kraken.ingest(tmp_path / "in", *WHOLE)
    assert (again["files"]["skipped"], again["records"]["read"]) == (16, 0)


def test_in_many_portions_it_is_the_same(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraken_core.sources.archive.PIECE_BYTES", 997)
    monkeypatch.setattr(read_trades, "_PARTS_KEPT", 10)
    release = Release("Kraken_Trading_History_Q1_2024.zip", START, END, trades=True)
    kraken.ingest(write_release(market, release, tmp_path / "in"), *WHOLE)
    assert_frame_equal(held(kraken).select(*COLUMNS), truth(market), check_exact=True)


def test_without_a_stated_start_and_end_the_first_and_last_slots_are_not_covered(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    tape = market.tapes[BTC_USD].between(START + 3_630, START + 86_400 + 5_430)
    (tmp_path / "in/XBTUSD.csv").write_bytes(trades_text(tape))
    kraken.ingest(tmp_path / "in", *WHOLE)
    assert covered(kraken, "--intervals", "60,1440") == [
        (60, "2024-03-30T02:00:00Z", "2024-03-31T01:00:00Z", "CSV"),
    ]
    candles = held(kraken)
    assert candles.filter(interval_minutes=1440).height == 2  # provisional: there, and not covered
    settled = pl.col("rank") >= 1 << 62
    hours = candles.filter(settled, interval_minutes=60)
    expected = truth(market, start=START + 7_200, end=START + 86_400 + 3_600)
    assert_frame_equal(hours.select(*COLUMNS), expected.filter(interval_minutes=60, pair="BTC/USD"), check_exact=True)


def test_only_the_intervals_asked_for_are_written_and_the_others_later(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    path = write_release(
        market, Release("Kraken_Trading_History_Q1_2024.zip", START, END, trades=True), tmp_path / "in"
    )
    first = kraken.ingest(path, *WHOLE, "--intervals", "60,720")
    assert sorted(held(kraken)["interval_minutes"].unique()) == [60, 720]
    assert first["files"]["total"] == 4
    second = kraken.ingest(path, *WHOLE)
    assert second["files"] == {"total": 16, "ingested": 12, "skipped": 4, "failed": 0}
    assert_frame_equal(held(kraken).select(*COLUMNS), truth(market), check_exact=True)


def test_the_same_bytes_under_another_name_are_ingested_once(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    release = Release("Kraken_Trading_History_Q1_2024.zip", START, END, trades=True)
    kraken.ingest(write_release(market, release, tmp_path / "zip"), *WHOLE)
    version = held(kraken)
    copy = write_release(
        market, Release("copy_2024Q1.zip", START, END, ReleaseLayout.FOLDER, trades=True), tmp_path / "in"
    )
    said = kraken.ingest(copy, *WHOLE)
    assert said["files"] == {"total": 16, "ingested": 0, "skipped": 16, "failed": 0}
    assert (said["records"]["new"], said["records"]["changed"]) == (0, 0)
    assert_frame_equal(held(kraken).drop("rank"), version.drop("rank"))  # the folder was made later than the zip


def test_rows_that_are_no_trades_are_set_aside_once_and_their_slots_are_not_claimed(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    lines = trades_text(market.tapes[BTC_USD]).splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if int(line[:10]) >= START + 91_000)
    lines[at] = lines[at].replace(b",", b",-", 1)
    folder = tmp_path / "in/trades_2024Q1"
    folder.mkdir(parents=True)
    (folder / "XBTUSD.csv").write_bytes(b"".join(lines))
    said = kraken.ingest(tmp_path / "in", *WHOLE, "--intervals", "60,1440", code=0)
    assert said["records"]["rejected"] == 1
    rejects = (kraken.home / "rejects/1.csv").read_text().splitlines()
    assert len(rejects) == 2
    assert f",{at + 1}," in rejects[1]
    assert rejects[1].endswith("its price is not positive")
    hour = "2024-03-31T01:00:00Z"
    assert covered(kraken, "--intervals", "60") == [
        (60, "2024-03-30T00:00:00Z", hour, "CSV"),
        (60, "2024-03-31T02:00:00Z", "2024-04-01T00:00:00Z", "CSV"),
    ]
    assert covered(kraken, "--intervals", "1440") == [(1440, "2024-03-30T00:00:00Z", "2024-03-31T00:00:00Z", "CSV")]
    suspect = held(kraken).filter(pl.col("rank") < 1 << 62)
    assert suspect["interval_minutes"].to_list() == [60, 1440]


def test_a_garbled_row_may_have_been_any_trade_between_its_neighbours(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    lines = trades_text(market.tapes[BTC_USD]).splitlines(keepends=True)
    kept = [line for line in lines if not START + 9_000 <= int(line[:10]) < START + 12_600]  # 02:30 to 03:30
    at = next(n for n, line in enumerate(kept) if int(line[:10]) >= START + 12_600)
    folder = tmp_path / "in/trades_2024Q1"
    folder.mkdir(parents=True)
    (folder / "XBTUSD.csv").write_bytes(b"".join([*kept[:at], b"\xff\xfe garbled\n", *kept[at:], b"and the end\n"]))
    kraken.ingest(tmp_path / "in", *WHOLE, "--intervals", "60")
    assert covered(kraken) == [
        (60, "2024-03-30T00:00:00Z", "2024-03-30T02:00:00Z", "CSV"),
        (60, "2024-03-30T04:00:00Z", "2024-03-31T23:00:00Z", "CSV"),
    ]


def test_two_halves_of_a_file_in_the_wrong_order_are_the_truth_but_at_the_joint(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    lines = trades_text(market.tapes[ETH]).splitlines(keepends=True)
    folder = tmp_path / "in/trades_2024Q1"
    folder.mkdir(parents=True)
    middle = next(n for n, line in enumerate(lines) if int(line[:10]) >= START + 91_000)
    (folder / "ETHEUR.csv").write_bytes(b"".join([*lines[middle:], *lines[:middle]]))
    said = kraken.ingest(tmp_path / "in", *WHOLE)
    assert said["records"]["rejected"] == 2  # the last row of the one half, and the first of the other
    settled = held(kraken).filter(pl.col("rank") >= 1 << 62).select(*COLUMNS)
    expected = truth(market).filter(pair="ETH/EUR")
    assert settled.height > 0.9 * expected.height
    assert_frame_equal(settled, expected.join(settled, on=["interval_minutes", "time"], how="semi"), check_exact=True)
    day = [r for r in covered(kraken, "--intervals", "60") if r[1] < "2024-03-31T01:00:00Z" < r[2]]
    assert day == [], "what was traded around the joint is not known"
    [first, *_] = covered(kraken, "--intervals", "60")
    assert first[1] > "2024-03-30T00:00:00Z", "nothing says that the file was whole before its earliest row"


def test_files_that_only_look_alike_stay_ignored(market: SimulatedMarket, kraken: Kraken, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ETHEUR.csv").write_bytes(trades_text(market.tapes[ETH]))
    (folder / "XBTUSD.csv").write_bytes(b"1711756800,1,1,1,1,2,3\n")  # candles, and no interval in the name
    (folder / "BTCUSD_Daily_OHLC.csv").write_bytes(b"unix,date,symbol\n")
    (folder / "ADAUSD.csv").write_bytes(b"")
    (folder / "NOTES.csv").write_bytes(b"a,b,c\n")
    (folder / "XBTNONE.csv").write_bytes(b"1711756800,1,2\n")
    said = kraken("ingest", "--csv-source-dir", folder, "--tier", "ALL", *WHOLE, "--no-api-backfill", "--dry-run")
    shown = " ".join(said.out.split())
    assert "1 file skipped, with no known pair in the name: XBTNONE.csv" in shown
    plan = kraken(
        "ingest", "--csv-source-dir", folder, "--tier", "ALL", *WHOLE, "--no-api-backfill", "--dry-run", "--json"
    ).json
    assert {row["member"] for row in plan["files"]} == {"ETHEUR.csv"}
    assert sorted(row["interval"] for row in plan["files"]) == sorted(INTERVALS)


def test_a_broken_file_fails_alone(market: SimulatedMarket, kraken: Kraken, tmp_path: Path) -> None:
    release = Release("Kraken_Trading_History_Q1_2024.zip", START, END, trades=True)
    path = write_release(market, release, tmp_path / "in")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("XBTUSD.csv").header_offset + 5_000
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    said = kraken.ingest(path, *WHOLE, code=0)
    assert said["files"] == {"total": 16, "ingested": 8, "skipped": 0, "failed": 8}
    assert held(kraken)["pair"].unique().to_list() == ["ETH/EUR"]


def test_trades_outrank_candles_and_fill_what_those_lack(little: LittleMarket, full: Kraken, tmp_path: Path) -> None:
    release = Release("Kraken_Trading_History_Q2_2024.zip", day_start(date(2024, 4, 1)), little.market.end, trades=True)
    place = write_release(little.market, release, tmp_path / "in")
    said = full.ingest(place, "--end-date", "2024-04-05")  # its last day's rows are the last there are
    assert said["records"]["changed"] == 0
    assert said["completeness"]["missing"] == 0
    april = held(full).filter(pl.col("time").dt.month() == 4)
    assert april["source"].unique().to_list() == ["trades"]


def test_hours_without_the_trades_of_a_file_are_complete_at_no_interval(
    market: SimulatedMarket, kraken: Kraken, tmp_path: Path
) -> None:
    """Coarse candles are made of the same rows: where minutes may lack trades, so may the candles that reach there."""
    lost = range(START + 10 * 3600, START + 86_400 + 14 * 3600 + 1800)
    (tmp_path / "in").mkdir()
    rows = trades_text(market.tapes[BTC_USD]).splitlines(keepends=True)
    kept = b"".join(row for row in rows if int(float(row.split(b",")[0])) not in lost)
    (tmp_path / "in/XBTUSD.csv").write_bytes(kept)
    kraken.ingest(tmp_path / "in", *WHOLE, "--archive-through", "2024-03-31")
    with Workbench.open(kraken.home) as workbench:
        assert_nothing_false_complete(workbench, replace(market, listings={BTC_USD: market.listings[BTC_USD]}))
        assert {r.grade for r in workbench.ledger.coverage([Series(BTC_USD, 240)])} == {Grade.CLAIMED, Grade.DOUBTFUL}
