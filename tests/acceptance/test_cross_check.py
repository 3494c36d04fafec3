"""What a job holds against other intervals before it reports: contradictions, doubts, grades, and what they gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.lying_archives import (
    BTC,
    DAYS,
    ETH,
    assert_true,
    failed,
    gaps,
    stated,
    traded_slot,
    verify,
)
from tests.support.command_line import Kraken, refused
from tests.support.helping import ingest, written
from tests.support.little_market import LittleMarket

pytest_plugins = ["tests.acceptance.sleeping_exchange"]
FOURS, HALVES = Series(BTC, 240), Series(BTC, 720)


def grades(home: Path, series: Series) -> dict[str, TimeRanges]:
    with Workbench.open(home) as bench:
        found: dict[str, TimeRanges] = {}
        for covered in bench.ledger.coverage([series]):
            before = found.get(covered.grade.value, TimeRanges())
            found[covered.grade.value] = before | TimeRanges.single(covered.start, covered.end)
    return found


# ------------------------------------------------------------------------------------------------------- contradictions


def test_a_lost_coarse_candle_is_found_and_derived_by_the_job_that_reads_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    hours = Series(BTC, 60)
    slot = traded_slot(market, hours)
    ingest(tmp_path / "home", market, *written(market, [stated(dropped={hours: slot})], tmp_path))
    assert gaps(tmp_path / "home", hours) == []
    assert failed(verify(tmp_path / "home")) == {}
    assert_true(tmp_path / "home", market)
    with Workbench.open(tmp_path / "home") as bench:
        [event] = [event for event in bench.ledger.events(bench.jobs()[0].id) if event.kind == "check"]
    assert event.message.startswith("1 slot of BTC/USD 1h claimed without trades became")


def test_a_lost_finest_candle_is_a_gap_about_which_sources_disagree_in_the_same_job_and_stays_one(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    minutes = Series(BTC, 1)
    slot = traded_slot(market, minutes)
    [path] = written(market, [stated(dropped={minutes: slot})], tmp_path)
    for _ in range(2):
        ingest(tmp_path / "home", market, path)
        found = gaps(tmp_path / "home", minutes)
        assert {(gap.status, gap.reason) for gap in found} == {(GapStatus.UNFILLABLE, "sources disagree")}
        assert slot & TimeRanges.of((gap.start, gap.end) for gap in found) == slot
    assert_true(tmp_path / "home", market)


def test_a_covered_four_hours_candle_inside_a_silent_half_day_contradicts_it(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    """The finer file covers only a part of the half day, so that the two were never compared as a whole."""
    half = TimeRanges.single(DAYS[2], DAYS[2] + 43_200)
    coarse = stated("coarse", intervals=(720,), dropped={HALVES: half})
    fine = Release("fine", DAYS[2], DAYS[6], intervals=(240,), layout=ReleaseLayout.FOLDER)
    first, second = written(market, [coarse, fine], tmp_path)
    rows = (second / "XBTUSD_240.csv").read_text().splitlines(keepends=True)
    (second / "XBTUSD_240.csv").write_text("".join(row for row in rows if int(row.split(",")[0]) > DAYS[2]))
    ingest(tmp_path / "home", market, first)
    assert [gap for gap in gaps(tmp_path / "home", HALVES) if gap.start == DAYS[2]] == []
    ingest(tmp_path / "home", market, second)
    [gap] = [gap for gap in gaps(tmp_path / "home", HALVES) if gap.start == DAYS[2]]
    assert (gap.end, gap.status, gap.reason) == (DAYS[2] + 43_200, GapStatus.UNFILLABLE, "sources disagree")


def test_a_job_that_changed_nothing_reads_nothing(
    market: SimulatedMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = written(market, [stated()], tmp_path)
    ingest(tmp_path / "home", market, *paths)
    monkeypatch.setattr("kraken_core.pipeline.crosscheck.known_pairs", None)  # whoever looks at anything needs it
    ingest(tmp_path / "home", market, *paths)


# -------------------------------------------------------------------------------------------------------------- grades


def test_intervals_of_several_files_confirm_each_other_and_one_file_alone_is_claimed(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    all_of_them, [lonely] = stated(), written(market, [stated(intervals=(60,))], tmp_path / "lonely")
    ingest(tmp_path / "home", market, *written(market, [all_of_them], tmp_path))
    for interval in INTERVALS[:5]:
        found = grades(tmp_path / "home", Series(ETH, interval))
        assert found["confirmed"].seconds > 0.98 * sum(ranges.seconds for ranges in found.values())
    ingest(tmp_path / "alone", market, lonely)
    for interval in (60, 240, 1440):
        assert grades(tmp_path / "alone", Series(ETH, interval)).keys() == {"claimed"}


@pytest.mark.soak
def test_grades_do_not_depend_on_the_order_in_which_archives_come(market: SimulatedMarket, tmp_path: Path) -> None:
    made = [
        stated("one", 0, 4, intervals=(1, 60)),
        stated("two", 3, 8, intervals=(60, 720)),
        stated("three", 1, 7, intervals=(5, 1440)),
    ]
    paths = written(market, made, tmp_path)
    for name, order in (("here", paths), ("there", paths[::-1])):
        for path in order:
            ingest(tmp_path / name, market, path)
    ingest(tmp_path / "together", market, *paths)
    for interval in INTERVALS:
        found = [grades(tmp_path / name, Series(ETH, interval)) for name in ("here", "there", "together")]
        assert found[0] == found[1] == found[2]


def test_lost_hours_of_the_only_file_are_doubtful_and_not_complete(market: SimulatedMarket, tmp_path: Path) -> None:
    minutes, hours = Series(BTC, 1), Series(BTC, 60)
    lost = TimeRanges.single(DAYS[5], DAYS[5] + 4 * 3600)
    ingest(tmp_path / "home", market, *written(market, [stated(intervals=(1,), dropped={minutes: lost})], tmp_path))
    for series in (minutes, hours):
        found = grades(tmp_path / "home", series)["doubtful"]
        assert lost & found == lost
        assert found.seconds < lost.seconds + 2 * 3600
    with Workbench.open(tmp_path / "home") as bench:
        frame = bench.completeness(pairs=["BTC/USD"], intervals=[60])
        [line] = frame.to_dict("records")
        assert line["covered"] == line["wanted"] - line["missing"]
        assert line["doubtful"] >= 4
        assert line["completeness"] == (line["covered"] - line["doubtful"]) / line["wanted"] < 1
        with pytest.raises(IncompleteError, match=r"BTC/USD 1h is not complete: of 24 candles expected . doubtful"):
            bench.candles("BTC/USD", 60, DAYS[5], DAYS[6], require_complete=True)
        assert len(bench.candles("BTC/USD", 60, DAYS[6], DAYS[7], require_complete=True)) == 24


# ------------------------------------------------------------------------------------------------- what asks for grades


def test_reports_show_grades_and_gate_on_them(full: Kraken) -> None:
    rows = full.rows("report")
    assert all(
        sum(row[grade] for grade in ("proved", "confirmed", "claimed", "doubtful")) == row["covered"] for row in rows
    )
    assert sum(row["confirmed"] for row in rows) > 0.9 * sum(row["covered"] for row in rows)
    assert "confirmed" in full("report").out
    window = ("--pairs", "BTC/USD", "--intervals", "60", "--start-date", "2024-03-28", "--end-date", "2024-03-30")
    full("report", *window, "--evidence", "confirmed")
    said = full("report", *window, "--evidence", "proved", code=4).err
    assert (
        "less complete than 100 % on evidence that is proved: BTC/USD 1h (0 %, 0 candles missing, 72 not proved)"
        in said
    )
    full("report", *window, "--evidence", "proved", "--fail-under", "0")


def test_an_export_below_the_grade_is_refused_and_writes_nothing(full: Kraken, tmp_path: Path) -> None:
    window = ("--pairs", "BTC/USD", "--intervals", "60", "--start-date", "2024-03-28", "--end-date", "2024-03-30")
    assert "not proved" in full("export", *window, "--to", tmp_path / "out", "--evidence", "proved", code=4).err
    assert not (tmp_path / "out").exists()
    full("export", *window, "--to", tmp_path / "out", "--evidence", "confirmed")
    assert (tmp_path / "out").exists()


def test_complete_asks_for_the_grade_too(kraken: Kraken, little: LittleMarket) -> None:
    until = ("--start-date", "2024-03-27", "--end-date", "2024-03-30", "--pairs", "BTC/USD", "--intervals", "60")
    said = kraken("ingest", "--csv-source-dir", little.folder, *until, "--as-of", "2024-04-07T00:00:00Z", "--yes",
                  "--no-api-backfill", "--no-download", "--complete", "--evidence", "proved", code=4).err  # fmt: skip
    assert "Not complete: 96 covered slots not proved." in said
    assert "--complete" in refused(
        kraken("ingest", "--csv-source-dir", little.folder, *until, "--evidence", "proved", code=2)
    )


def test_candles_are_refused_where_any_is_missing_or_on_weaker_evidence(full: Kraken) -> None:
    with Workbench.open() as bench:
        assert len(bench.candles("BTC/USD", 60, "2024-03-28", "2024-03-30", evidence="confirmed")) == 48
        assert len(bench.candles("BTC/USD", "2h", "2024-03-28", "2024-03-30", require_complete=True)) == 24
        for interval in (60, "2h"):
            with pytest.raises(IncompleteError, match=r"expected \d+ missing, first in \[2024-04-01T00:00:00Z"):
                bench.candles("BTC/USD", interval, "2024-03-30", "2024-04-04", require_complete=True)
        with pytest.raises(IncompleteError, match="48 not proved"):
            bench.candles("BTC/USD", 60, "2024-03-28", "2024-03-30", evidence="proved")
        with pytest.raises(IncompleteError, match="missing"):  # without an end: up to the last detection
            bench.candles("BTC/USD", 60, require_complete=True)
        with pytest.raises(IncompleteError, match="nothing is stored of SOL/USD"):
            bench.candles("SOL/USD", 60, require_complete=True)
        for wrong in ("doubtful", "sure"):
            with pytest.raises(UsageError, match="proved, confirmed, claimed"):
                bench.candles("BTC/USD", 60, evidence=wrong)
        with pytest.raises(UsageError, match="leave the version out"):
            bench.candles("BTC/USD", 60, version=0, require_complete=True)
