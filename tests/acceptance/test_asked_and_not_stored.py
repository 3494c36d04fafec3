"""What was asked for and is not stored is missing (domain rule 16): it is in every report, at 0 %, with the reason."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange import SimulatedExchange
from tests.support.asking import asks
from tests.support.command_line import Kraken, asked
from tests.support.layouts import tampered, write_zip
from tests.support.little_market import FIRST_DAY, LittleMarket

START, HOURS = day_start(date(2026, 1, 1)), 24 * 90
MEMBER = "XBTUSD_60.csv"
ASKED = ("--intervals", "60", "--start-date", "2026-01-01", "--end-date", "2026-03-31", "--as-of", "2026-04-02")


def hours(price: int, unit: int = 1) -> bytes:
    """A quarter of hourly candles; their times in seconds, or as many times that."""
    rows = (f"{(START + n * 3600) * unit},{price},{price},{price},{price},1.5,7\n" for n in range(HOURS))
    return "".join(rows).encode()


def quarter(folder: Path, files: Mapping[str, bytes]) -> Path:
    """An archive of the first quarter of 2026, whose members are not compressed."""
    return write_zip(folder / "Kraken_OHLCVT_Q1_2026.zip", files, zipfile.ZIP_STORED)


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """Two members, of which one has a flipped bit."""
    place = quarter(tmp_path, {MEMBER: hours(97_000), "ETHUSD_60.csv": hours(3_000)})
    data = bytearray(place.read_bytes())
    data[data.index(b"97000,97000")] ^= 1
    place.write_bytes(data)
    return place


def completeness(kraken: Kraken) -> dict[str, tuple[float, str | None]]:
    """What the report says of each pair: how complete it is, and why no more."""
    return {row["pair"]: (row["completeness"], row["reason"]) for row in kraken.rows("report")}


def assert_told_everywhere(kraken: Kraken, pair: str, reason: str, tmp_path: Path) -> None:
    """The pair is at 0 % with the reason: in the report on a terminal, as JSON and as a page, in the gaps, and as data.

    Whoever gates on it is refused.
    """
    share, why = completeness(kraken)[pair]
    assert share == 0
    assert reason in str(why)
    assert any(gap["pair"] == pair and reason in gap["reason"] for gap in kraken.rows("gaps"))
    page = tmp_path / "report.html"
    said = kraken("report", "--tier", "ALL", "--fail-under", 100, "--html", page, code=4)
    assert f"Nothing is stored of {pair}: " in said.out
    assert reason in said.out
    assert pair in page.read_text()
    assert reason in page.read_text()
    assert f"nothing is stored of {pair}" in kraken("report", "--pairs", pair, "--max-age", "2d", code=4).err
    with Workbench.open(kraken.home) as wb:
        frame = wb.completeness()
        assert dict(zip(frame["pair"], frame["completeness"], strict=True))[pair] == 0


def test_a_member_with_a_flipped_bit_is_missing(kraken: Kraken, torn: Path, tmp_path: Path) -> None:
    done = kraken.ingest(torn, *ASKED, "--complete", code=4)
    assert done["files"] == {"total": 2, "ingested": 1, "skipped": 0, "failed": 1}
    assert done["completeness"]["wanted"] == 2 * HOURS
    assert done["completeness"]["missing"] == HOURS
    assert completeness(kraken)["ETH/USD"][0] > 0.99
    assert_told_everywhere(kraken, "BTC/USD", "its checksum (CRC32) is wrong", tmp_path)


def test_a_member_that_is_compressed_in_a_way_nobody_reads_here_is_missing(kraken: Kraken, tmp_path: Path) -> None:
    place = quarter(tmp_path, {MEMBER: hours(97_000), "ETHUSD_60.csv": hours(3_000)})
    lzma = 14
    done = kraken.ingest(tampered(place, MEMBER, method=lzma), *ASKED, "--complete", code=4)
    assert done["files"] == {"total": 2, "ingested": 1, "skipped": 0, "failed": 1}
    assert_told_everywhere(kraken, "BTC/USD", "XBTUSD_60.csv in ", tmp_path)
    assert "compress" in str(completeness(kraken)["BTC/USD"][1])


def test_what_could_not_be_read_stays_missing_until_it_is_read(kraken: Kraken, torn: Path, tmp_path: Path) -> None:
    kraken.ingest(torn, *ASKED)
    quarter(tmp_path / "other", {"ETHUSD_60.csv": hours(3_000)})
    kraken.ingest(tmp_path / "other", *ASKED, "--complete", code=4)
    assert "checksum" in str(completeness(kraken)["BTC/USD"][1])
    quarter(torn.parent, {MEMBER: hours(97_000), "ETHUSD_60.csv": hours(3_000)})
    kraken.ingest(torn, *ASKED)
    share, why = completeness(kraken)["BTC/USD"]
    assert share > 0.99
    assert "checksum" not in str(why)


def test_a_pair_that_no_source_holds_is_missing_over_the_requested_window(kraken: Kraken, tmp_path: Path) -> None:
    place = quarter(tmp_path, {MEMBER: hours(97_000)})
    said = kraken(
        *("ingest", "--csv-source-dir", place, "--pairs", "BTC/USD,SOL/USD", *ASKED),
        *("--no-api-backfill", "--complete", "--yes", "--json"),
        code=4,
    )
    assert said.json["completeness"]["wanted"] == 2 * HOURS
    assert "! no source contains SOL/USD." in said.err
    [sol] = [row for row in kraken.rows("report") if row["pair"] == "SOL/USD"]
    assert (sol["start"], sol["end"]) == ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert (sol["wanted"], sol["covered"], sol["missing"]) == (HOURS, 0, HOURS)
    assert_told_everywhere(kraken, "SOL/USD", "no source contains SOL/USD; ", tmp_path)
    [gap] = kraken.rows("gaps", "--pairs", "SOL/USD")
    assert gap["status"] == "DETECTED", "the exchange, which was not asked, may have it"
    assert gap["archive"] == "", "who knows whether any has it"


def test_a_name_with_a_typing_error_is_missing_and_the_right_one_is_proposed(
    kraken: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--pairs", "BTTC/USD", "--intervals", "60", "--complete")
    with SimulatedExchange(little.market, limits=None) as exchange:
        asks(monkeypatch, exchange)
        foreseen = kraken.ingest(little.folder, *words, "--api-backfill", "--dry-run")["gaps"]
        kraken.ingest(little.folder, *words, "--api-backfill", code=4)
    reason = "no source contains BTTC/USD and the exchange does not list it: did you mean BTC/USD?"
    [gap] = kraken.rows("gaps")
    assert (gap["status"], gap["route"], gap["reason"]) == ("UNFILLABLE", "none", reason)
    assert foreseen == [{**gap, "id": None}]
    assert_told_everywhere(kraken, "BTTC/USD", reason, tmp_path)


def test_a_tier_does_not_ask_for_a_name_that_was_mistyped_once(kraken: Kraken, little: LittleMarket) -> None:
    five_days = ("--end-date", "2024-03-31", "--intervals", "1440")
    mistyped = kraken.ingest(little.folder, "--pairs", "BTTC/USD", *five_days)
    assert mistyped["completeness"]["missing"] == 5
    done = kraken.ingest(little.folder, *five_days)
    assert done["completeness"]["wanted"] == 5 * 5, "of the five pairs that there are"
    assert completeness(kraken)["BTTC/USD"][0] == 0, "who asks for all that was ever asked for is told"


def test_a_pair_that_the_budget_of_requests_does_not_reach_is_missing_and_not_absent(
    kraken: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UNI/USD is listed, and in no file; of a single request none is spent on listings."""
    (only := tmp_path / "only").mkdir()
    with zipfile.ZipFile(little.first) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv") and "UNI" not in name]
        for name in names:
            (only / Path(name).name).write_bytes(archive.read(name))
    with SimulatedExchange(little.market, limits=None) as exchange:
        asks(monkeypatch, exchange)
        words = ("--intervals", "60", "--api-backfill", "--max-requests")
        done = kraken.ingest(only, *words, "1")
        share, why = completeness(kraken)["UNI/USD"]
        assert share == 0
        assert "not requested: the limit of requests was reached (--max-requests)" in str(why)
        [gap] = kraken.rows("gaps", "--pairs", "UNI/USD")
        assert (gap["status"], gap["route"]) == ("DETECTED", "ohlc")
        assert done["completeness"]["missing"] >= gap["candles"]
        kraken.ingest(only, *words, "100")
    assert completeness(kraken)["UNI/USD"][0] == 1


def test_a_pair_that_was_missing_is_found_by_a_later_backfill(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kraken.ingest(little.first, "--pairs", "ETH/USD,UNI/USD", "--intervals", "60")
    with SimulatedExchange(little.market, limits=None) as exchange:
        asks(monkeypatch, exchange)
        kraken("backfill", "--yes")
    found = completeness(kraken)
    assert found["UNI/USD"][0] == 1
    assert found["ETH/USD"][0] == 0, "which that market does not have"


def test_a_job_none_of_whose_files_can_be_read_fails_and_says_why(kraken: Kraken, tmp_path: Path) -> None:
    """Times in milliseconds: no row is a row, so the file is refused, and none of its rows is counted as rejected."""
    place = quarter(tmp_path, {MEMBER: hours(97_000, 1000), "ETHUSD_60.csv": hours(3_000, 1000)})
    words = ("ingest", "--csv-source-dir", place, "--tier", "ALL", *ASKED, "--no-api-backfill", "--yes")
    said = kraken(*words, "--json", code=1)
    assert said.json["status"] == "COMPLETED"
    assert said.json["files"] == {"total": 2, "ingested": 0, "skipped": 0, "failed": 2}
    assert said.json["error"].startswith("none of the 2 files could be read: XBTUSD_60.csv: ")
    assert "Job 1 completed with errors" in said.err
    assert said.err.splitlines()[-1].startswith(
        "kraken-history: job 1 completed only in part: none of the 2 files could"
    )
    assert "COMPLETED with errors" in kraken("jobs").out
    assert_told_everywhere(kraken, "BTC/USD", "XBTUSD_60.csv", tmp_path)
    assert_told_everywhere(kraken, "ETH/USD", "ETHUSD_60.csv", tmp_path)


def test_a_job_some_of_whose_files_fail_says_so_in_its_status_line(kraken: Kraken, torn: Path) -> None:
    words = ("ingest", "--csv-source-dir", torn, "--tier", "ALL", *ASKED, "--no-api-backfill", "--yes")
    said = kraken(*words)
    assert "Job 1 completed with errors" in said.err
    assert "1 failed" in said.err
    assert "COMPLETED with errors" in kraken("jobs").out


# One meaning of every number


def test_a_backfill_reports_on_what_was_detected_as_any_report_does(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on all the time that has passed since."""
    kraken.ingest(little.first, "--end-date", "2024-03-31", "--intervals", "1,60")
    with SimulatedExchange(little.market, limits=None) as exchange:
        asks(monkeypatch, exchange)
        done = kraken("backfill", "--complete", "--yes", "--json").json
    report = kraken.rows("report")
    assert done["completeness"]["missing"] == 0
    assert done["completeness"]["wanted"] == sum(row["wanted"] for row in report)


def test_an_incremental_job_reports_on_what_was_detected_as_any_report_does(
    kraken: Kraken, little: LittleMarket
) -> None:
    kraken.ingest(little.first, "--start-date", "2024-03-30", "--pairs", "BTC/USD", "--intervals", "1,60")
    done = kraken.ingest(little.folder, "--incremental", "--pairs", "BTC/USD", "--intervals", "1,60")
    assert done["completeness"]["wanted"] == sum(row["wanted"] for row in kraken.rows("report"))


def test_an_ingest_of_what_is_expected_reads_another_archive_and_adds_no_pair(
    kraken: Kraken, little: LittleMarket
) -> None:
    def present() -> dict[tuple[str, int], int]:
        return {(row["pair"], row["interval"]): row["present"] for row in kraken.rows("report")}

    refused = kraken(*asked(little.folder, "--expected"), code=2)
    assert "nothing of that is expected yet" in refused.err
    kraken.ingest(little.first, "--pairs", "BTC/USD,BTC/EUR", "--intervals", "60")
    before = present()
    kraken.ingest(little.folder, "--expected")
    assert present().keys() == before.keys() == {("BTC/EUR", 60), ("BTC/USD", 60)}
    assert sum(present().values()) > sum(before.values())


def test_open_gaps_are_the_same_number_wherever_they_are_counted(kraken: Kraken, little: LittleMarket) -> None:
    kraken.ingest(little.folder, "--pairs", "BTC/USD", "--intervals", "1,60", "--start-date", FIRST_DAY)
    narrow = kraken.ingest(little.folder, "--pairs", "BTC/USD", "--intervals", "1,60", "--start-date", "2024-04-04")
    listed = kraken.rows("gaps", "--start-date", "2024-04-04")
    [job, first] = kraken.rows("jobs")
    assert len(listed) == narrow["gaps"]["open"] == job["gaps"]["open"] == 2
    assert len(kraken.rows("gaps")) == first["gaps"]["open"] == 4
    with Workbench.open(kraken.home) as wb:
        assert len(wb.holdings.report(wb.jobs()[0].request).gaps) == 2
        assert wb.charts.totals().gaps.height == 4
        assert wb.sql("select gaps_open from jobs order by job_id")["gaps_open"].tolist() == [4, 2]
    assert all(row["gaps"]["detected"] == row["gaps"]["filled"] + row["gaps"]["open"] for row in (job, first))
