"""Files that end too early, are damaged or called what they are not, as a user takes them in: nothing is made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.timerange import iso
from tests.acceptance.test_real_files import DUMP
from tests.support.command_line import Kraken

HOUR, DAY = 3600, 86_400
START, END = quarter_bounds(2026, 1)
AS_OF = ("--as-of", "2026-04-02T00:00:00Z", "--start-date", "2026-01-01", "--end-date", "2026-03-31")
PRICES = "100,110,90,105"


def rows(width: int, *, first: int = START, end: int = END) -> list[str]:
    """One candle a slot, its trades and volume those of its minutes, so that coarse ones are the sums of fine ones."""
    return [f"{time},{PRICES},{width / 240},{width // 60}" for time in range(first, end, width)]


def write(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def text_of(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def covered(kraken: Kraken, *words: object) -> list[tuple[int, str, str]]:
    return [(row["interval"], row["start"], row["end"]) for row in kraken.rows("coverage", *words)]


def days(kraken: Kraken) -> dict[str, tuple[float, int, str]]:
    """The daily candles held: close, trades and source by day."""
    found: list[dict[str, Any]] = kraken.rows("sql", "select * from candles where interval_minutes = 1440")
    return {row["time"][:10]: (row["close"], row["trades"], row["source"]) for row in found}


# A file that is torn, of a quarter whose name states its end


def test_a_torn_file_beside_a_whole_finer_one_is_not_complete(kraken: Kraken, tmp_path: Path) -> None:
    """960 of 2,160 hours and 30 characters of the next; the quarters of an hour are whole."""
    whole = text_of(rows(HOUR))
    torn = whole[: whole.index(rows(HOUR)[960]) + 30]
    folder = write(tmp_path / "Kraken_OHLCVT_Q1_2026", XBTUSD_60=torn, XBTUSD_15=text_of(rows(900)))
    words = ("--pairs", "BTC/USD", "--intervals", "60", *AS_OF, "--complete")
    said = kraken.ingest(folder, *words, code=4)
    expected = {"wanted": 2160, "covered": 960, "present": 960, "silent": 0, "missing": 1200}
    assert said["completeness"].items() >= expected.items()
    assert said["records"]["rejected"] == 1
    assert covered(kraken) == [(60, "2026-01-01T00:00:00Z", "2026-02-10T00:00:00Z")]

    repaired = kraken.ingest(folder, "--pairs", "BTC/USD", "--intervals", "15,60", *AS_OF, "--complete")
    assert repaired["completeness"]["missing"] == 0
    assert repaired["completeness"]["present"] == 2160 + 4 * 2160


def zeroed(text: bytes, at: int) -> bytes:
    return text[:at] + bytes(4096) + text[at + 4096 :]


def without_a_block(text: bytes, at: int) -> bytes:
    return text[:at] + text[at + 4096 :]


@pytest.mark.parametrize("damaged", [zeroed, without_a_block])
def test_damage_in_the_middle_of_a_file_is_missing_and_no_silence(damaged: Any, kraken: Kraken, tmp_path: Path) -> None:
    text = text_of(rows(HOUR)).encode()
    inside = text.index(rows(HOUR)[1000].encode()) + 18  # behind the row's time, which looks as if it were one still
    folder = write(tmp_path / "Kraken_OHLCVT_Q1_2026", XBTUSD_60=damaged(text, inside))
    said = kraken.ingest(folder, "--pairs", "BTC/USD", "--intervals", "60", *AS_OF, "--complete", code=4)
    slots = said["completeness"]
    assert slots["silent"] == 0
    assert 90 < slots["missing"] < 150
    assert slots["present"] + slots["missing"] == 2160
    with Workbench.open(kraken.home) as workbench:
        held = workbench.candles("BTC/USD", 60)
    assert (held["trades"] == 60).all()


def test_two_different_rows_for_one_slot_leave_it_missing(kraken: Kraken, tmp_path: Path) -> None:
    """A partial row, and the final one after it; equal ones are no matter."""
    lines = rows(HOUR)
    lines[100:101] = [lines[100][:-2] + "7", lines[100], *lines[99:101]]
    lines[200:201] = [lines[200]] * 3
    folder = write(tmp_path / "Kraken_OHLCVT_Q1_2026", XBTUSD_60=text_of(lines))
    said = kraken.ingest(folder, "--pairs", "BTC/USD", "--intervals", "60", *AS_OF, "--complete", code=4)
    assert said["completeness"]["missing"] == 1
    [gap] = kraken.rows("gaps")
    assert (gap["start"], gap["candles"]) == ("2026-01-05T04:00:00Z", 1)
    assert said["records"]["rejected"] == 3


def test_a_file_of_another_interval_than_its_name_says_is_failed_by_name(kraken: Kraken, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "Kraken_OHLCVT_Q1_2026",
        ZECUSD_60=text_of(rows(60, end=START + 240 * HOUR)),
        XBTUSD_1=text_of(rows(HOUR)),
    )
    said = kraken(
        "ingest", "--csv-source-dir", folder, "--tier", "ALL", *AS_OF, "--no-api-backfill", "--yes", "--json", code=None
    )
    assert said.json["files"]["failed"] == 2
    assert said.json["records"]["new"] == 0
    assert "its rows are of a finer interval than the 1h in its name" in said.err
    assert "its rows are 1h candles, not 1m ones as in its name" in said.err


# The last slot of an archive


DAILY = "1711756800,10,12,9,11,5.0,100\n1711843200,11,20,10,19,8.0,200\n1711929600,19,21,18,20,4.0,90\n"
HALVES = "1711756800,10,11,9,10,2.0,40\n1711800000,10,12,10,11,3.0,60\n1711843200,11,13,10,12,3.0,80\n"
SPAN = ("--start-date", "2024-03-30", "--as-of", "2024-04-03T00:00:00Z", "--pairs", "BTC/USD")


@pytest.mark.parametrize("order", [("a", "Kraken_OHLCVT_Q1_2024"), ("Kraken_OHLCVT_Q1_2024", "a")], ids=" then ".join)
def test_a_day_is_not_replaced_by_the_half_of_it_that_an_archive_ends_with(
    order: tuple[str, str], kraken: Kraken, tmp_path: Path
) -> None:
    """The archive lacks the last half day, as Kraken's does. The day of 200 trades stays what it is."""
    write(tmp_path / "a", XBTUSD_1440=DAILY)
    write(tmp_path / "Kraken_OHLCVT_Q1_2024", XBTUSD_720=HALVES)
    for name in order:
        said = kraken.ingest(tmp_path / name, *SPAN, "--intervals", "720,1440")
        assert said["records"]["changed"] == 0
    assert days(kraken)["2024-03-31"] == (19, 200, "csv")
    assert days(kraken)["2024-03-30"][:2] == (11, 100)
    halves = covered(kraken, "--intervals", "720")
    assert halves[-1][2] == "2024-03-31T12:00:00Z", "of the last half day only a finer or a later file tells"
    assert kraken("verify", "--json").json["ok"]


def test_a_derived_candle_that_replaces_another_is_counted_as_changed(kraken: Kraken, tmp_path: Path) -> None:
    """A later vintage of finer candles says otherwise than the day that was there."""
    write(tmp_path / "a", XBTUSD_1440=text_of(DAILY.splitlines()[:2]))
    last = "1711886400,12,20,12,19,5.5,130\n"
    write(tmp_path / "Kraken_OHLCVT_Q1_2024", XBTUSD_720=HALVES + last)
    kraken.ingest(tmp_path / "a", *SPAN, "--intervals", "720,1440")
    said = kraken.ingest(tmp_path / "Kraken_OHLCVT_Q1_2024", *SPAN, "--intervals", "720,1440")
    assert days(kraken)["2024-03-31"] == (19, 210, "derived")
    assert said["records"]["changed"] == 1


@pytest.mark.real_data
@pytest.mark.skipif(not DUMP.is_dir(), reason="published Kraken files are not at ../shared/data/dump")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["days first", "half days first"])
def test_the_published_half_days_of_a_quarter_spoil_no_published_day(
    order: tuple[int, int], kraken: Kraken, tmp_path: Path
) -> None:
    """XBTUSD_720 lacks 2024-03-31 12:00; the days are Kraken's but for that one, which they lack likewise."""
    start, end = quarter_bounds(2024, 1)
    halves = lines_of("XBTUSD_720", start, end)
    assert not any(line.startswith(str(end - DAY // 2)) for line in halves), "the case is not the one meant"
    daily = [*lines_of("XBTUSD_1440", start, end), f"{end - DAY},69900,71400,69500,71300,999.5,30000"]
    sources = (
        write(tmp_path / "days", XBTUSD_1440=text_of([*daily, *lines_of("XBTUSD_1440", end, end + 2 * DAY)])),
        write(tmp_path / "Kraken_OHLCVT_Q1_2024", XBTUSD_720=text_of(halves)),
    )
    words = ("--start-date", "2024-01-01", "--as-of", "2024-04-05T00:00:00Z", "--intervals", "720,1440")
    for number in order:
        kraken.ingest(sources[number], "--pairs", "BTC/USD", *words)
    held = days(kraken)
    assert held["2024-03-31"] == (71300, 30000, "csv")
    for line in daily:
        time, *_, close, _, trades = line.split(",")
        assert held[iso(int(time))[:10]][:2] == (float(close), int(trades))
    assert covered(kraken, "--intervals", "720")[-1][2] == "2024-03-31T12:00:00Z"


def lines_of(name: str, start: int, end: int) -> list[str]:
    """The rows of a published file in ``[start, end)``."""
    lines = (DUMP / f"{name}.csv").read_text().splitlines()
    return [line for line in lines if start <= int(line.partition(",")[0]) < end]


# The first slot, where a listing is only assumed


@pytest.mark.real_data
@pytest.mark.skipif(not DUMP.is_dir(), reason="published Kraken files are not at ../shared/data/dump")
def test_the_day_inside_which_a_file_begins_is_not_complete(kraken: Kraken, tmp_path: Path) -> None:
    """Published hours from the middle of a day on: their sum is no day, and their first days are no week."""
    begin = 1_672_444_800 + 9 * HOUR  # Saturday, 2022-12-31
    hours = lines_of("XBTUSD_60", begin, begin + 30 * DAY)
    kraken.ingest(
        write(tmp_path / "hours", XBTUSD_60=text_of(hours)),
        *(
            "--pairs",
            "BTC/USD",
            "--intervals",
            "60,720,1440",
            "--start-date",
            "2022-12-01",
            "--as-of",
            "2023-01-07T00:00:00Z",
        ),
    )
    assert "2022-12-31" not in days(kraken)
    first = {interval: start for interval, start, _ in reversed(covered(kraken))}
    assert first == {60: "2022-12-31T09:00:00Z", 720: "2022-12-31T12:00:00Z", 1440: "2023-01-01T00:00:00Z"}
    gaps = {(row["interval"], row["start"]) for row in kraken.rows("gaps")}
    assert {(720, "2022-12-31T00:00:00Z"), (1440, "2022-12-31T00:00:00Z")} <= gaps
    with Workbench.open(kraken.home) as workbench:
        whole = workbench.candles("BTC/USD", 10_080)
        flagged = workbench.candles("BTC/USD", 10_080, partial=True)
    week = "2022-12-29T00:00:00Z"
    assert week not in [iso(int(at.timestamp())) for at in whole.index]
    assert iso(int(flagged.index[0].timestamp())) == week
    assert bool(flagged["partial"].iloc[0])
