"""Kraken's own published files through the command line: what is held equals them, to the last digit."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import TIME, Source, rank_of
from kraken_core.domain.ohlcvt import COLUMNS
from kraken_core.domain.timerange import iso
from kraken_core.domain.verification.agreement import Verdict, compared
from tests.support.command_line import Kraken, process

DUMP = Path(__file__).parents[2] / "../shared/data/dump"
FILES = {
    "XBTUSD_60.csv": ("BTC/USD", 60),
    "ETHUSD_60.csv": ("ETH/USD", 60),
    "XBTUSD_720.csv": ("BTC/USD", 720),
    "XBTUSD_1440.csv": ("BTC/USD", 1440),
    "XBTCAD_720.csv": ("BTC/CAD", 720),
    "XBTCAD_1440.csv": ("BTC/CAD", 1440),
}
TORN = "XBTUSD_1440.csv"
SINCE, AS_OF = "2013-01-01", "2025-04-01T00:00:00Z"
EXACT = ("time", "open", "high", "low", "close", "trades")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DUMP.is_dir(), reason="published Kraken files are not at ../shared/data/dump"),
]


def ingest(home: Path, source: Path, *words: str) -> None:
    selects = ("--tier", "ALL", "--start-date", SINCE, "--as-of", AS_OF, "--intervals", "60,720,1440")
    process(
        "ingest", "--home", home, "--csv-source-dir", source, *selects, "--no-api-backfill", "--yes", "--quiet", *words
    )


@pytest.fixture(scope="module")
def real_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds all of the files. Read only."""
    home = tmp_path_factory.mktemp("real") / "home"
    ingest(home, DUMP)
    return home


@pytest.fixture(scope="module")
def hourly_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was given the hours of BTC/USD alone, so that it has to derive the rest."""
    folder = tmp_path_factory.mktemp("hours")
    shutil.copy(DUMP / "XBTUSD_60.csv", folder)
    ingest(folder / "home", folder)
    return folder / "home"


@pytest.fixture
def real(kraken: Kraken, real_home: Path) -> Kraken:
    return Kraken(kraken.capsys, real_home)


@cache
def rows_of(name: str) -> pl.DataFrame:
    """The file, read as plainly as can be."""
    with (DUMP / name).open(newline="") as file:
        rows = [(int(time), *map(float, values), int(trades)) for time, *values, trades in csv.reader(file)]
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return frame.with_columns(pl.from_epoch("time").cast(TIME))


def held(home: Path, pair: str, interval: int) -> pl.DataFrame:
    columns = ", ".join(COLUMNS)
    query = f"select {columns} from candles where pair = '{pair}' and interval_minutes = {interval} order by time"
    with Workbench.open(home) as workbench:
        return workbench.sql(query, to="polars")


def bounds(file: str) -> tuple[str, str]:
    """The times of the file's first and last row."""
    times = rows_of(file)["time"].dt.epoch("s")
    return iso(times[0]), iso(times[-1])


@pytest.mark.parametrize("file", FILES)
def test_what_is_held_is_what_the_file_says(real_home: Path, file: str) -> None:
    found = held(real_home, *FILES[file])
    if file == TORN:  # which lacks a day of which it was said that nothing traded
        found = found.filter(pl.col("time") != datetime(2024, 3, 31, tzinfo=UTC))
    assert_frame_equal(found, rows_of(file), check_exact=True, check_dtypes=False)


@pytest.mark.parametrize("file", FILES)
def test_a_series_is_covered_from_its_files_first_row_to_its_last_which_is_provisional(real: Kraken, file: str) -> None:
    pair, interval = FILES[file]
    covered = real.rows("coverage", "--home", real.home, "--pairs", pair, "--intervals", interval)
    assert (covered[0]["start"], covered[-1]["end"]) == bounds(file)
    assert all(before["end"] == after["start"] for before, after in pairwise(covered))
    assert {row["source"] for row in covered} == {"CSV"}
    assert sum(row["candles"] for row in covered) == rows_of(file).height - 1 + (file == TORN)


@pytest.mark.parametrize("file", FILES)
def test_absent_slots_are_silent_and_only_what_follows_the_file_is_a_gap(real: Kraken, file: str) -> None:
    pair, interval = FILES[file]
    gaps = real.rows("gaps", "--home", real.home, "--pairs", pair, "--intervals", interval)
    assert [(gap["start"], gap["end"]) for gap in gaps] == [(bounds(file)[1], AS_OF)]
    [line] = real.rows("report", "--home", real.home, "--pairs", pair, "--intervals", interval)
    first, last = (datetime.fromisoformat(at).timestamp() for at in bounds(file))
    slots = (last - first) // (interval * 60)
    present = rows_of(file).height - 1 + (file == TORN)
    assert (line["covered"], line["present"]) == (slots, present)
    assert line["silent"] == slots - present > 0


def test_an_interval_nobody_has_a_file_of_is_0_percent_complete(real: Kraken) -> None:
    [line] = real.rows("report", "--home", real.home, "--pairs", "BTC/CAD", "--intervals", "60")
    assert (line["covered"], line["completeness"], line["activity"]) == (0, 0.0, 0.0)
    assert line["missing"] == line["wanted"] > 80_000


@pytest.mark.parametrize("interval", [720, 1440])
def test_what_is_derived_from_the_hours_equals_the_published_file(hourly_home: Path, interval: int) -> None:
    """But for the slot inside which the file begins: whether the pair was traded before, nobody told."""
    derived = held(hourly_home, "BTC/USD", interval)
    first_hour, last_hour = (rows_of("XBTUSD_60.csv")["time"][n].replace(tzinfo=UTC) for n in (0, -1))
    last_day = last_hour.replace(hour=0, minute=0)
    published = rows_of(f"XBTUSD_{interval}.csv").filter(pl.col("time").is_between(first_hour, last_day, closed="left"))
    derived = derived.filter(pl.col("time") < last_day)
    assert derived.height > 3000
    assert_frame_equal(derived.select(EXACT), published.select(EXACT), check_exact=True, check_dtypes=False)
    hours = interval // 60
    allowed = 1e-8 * pl.max_horizontal(pl.lit(float(hours)), published["volume"])
    difference = (derived["volume"] - published["volume"]).abs()
    assert published.select((difference <= allowed).all()).item()


def test_every_derived_candle_says_so(hourly_home: Path) -> None:
    with Workbench.open(hourly_home) as workbench:
        found = workbench.sql("select distinct interval_minutes, source from candles order by 1", to="polars").rows()
    assert found == [(60, "csv"), (720, "derived"), (1440, "derived")]


def test_the_job_finds_the_one_known_edge_and_leaves_nothing_to_verify(real: Kraken) -> None:
    """XBTUSD_1440 lacks 2024-03-31, of which XBTUSD_720 has the first half: two archives were joined there."""
    found = real("verify", "--home", real.home, "--json").json["checks"]
    by_name = {check["name"]: check for check in found}
    assert by_name["agreement"]["checked"] > 20_000
    with Workbench.open(real.home) as workbench:
        events = [event.message for event in workbench.ledger.events(1) if event.kind == "check"]
        withdrawn = [claim for claim in workbench.ledger.assertions() if claim.withdrawn]
    assert len(events) == 1
    assert events[0].startswith("1 slot of BTC/USD 1d claimed without trades became")
    assert [(str(claim.series), iso(claim.start)) for claim in withdrawn] == [("BTC/USD 1d", "2024-03-31T00:00:00Z")]


def test_the_half_day_that_both_files_lack_is_doubtful_and_so_is_the_day_derived_from_it(real: Kraken) -> None:
    day = ("--start-date", "2024-03-31", "--end-date", "2024-03-31", "--pairs", "BTC/USD")
    for interval, start in ((720, "2024-03-31T12:00:00Z"), (1440, "2024-03-31T00:00:00Z")):
        rows = real.rows("coverage", "--home", real.home, *day, "--intervals", interval)
        assert [row["start"] for row in rows if row["grade"] == "doubtful"] == [start]
        [line] = real.rows("report", "--home", real.home, *day, "--intervals", interval)
        assert (line["missing"], line["doubtful"]) == (0, 1)
        assert line["completeness"] < 1


def test_nearly_all_that_two_published_files_say_alike_is_confirmed(real: Kraken) -> None:
    [line] = real.rows("report", "--home", real.home, "--pairs", "BTC/CAD", "--intervals", "1440")
    assert line["confirmed"] + line["doubtful"] == line["covered"]
    assert line["confirmed"] > 0.99 * line["covered"]


VINTAGES = {
    "as one more in the same folder": ("{file}", "{file}"),
    "in two undated archives": ("master_q4/{file}", "older/{file}"),
    "in archives of stated dates": ("Kraken_OHLCVT_Full_2025Q2/{file}", "Kraken_OHLCVT_Full_2025Q1/{file}"),
}


@pytest.mark.parametrize(("fine", "coarse"), VINTAGES.values(), ids=VINTAGES)
def test_a_vintage_that_counts_other_trades_withdraws_nothing_however_often_one_verifies(
    kraken: Kraken, tmp_path: Path, fine: str, coarse: str
) -> None:
    """As dump vintages of 2023Q2 and REST do: prices equal, counts off by a few and volumes by parts of a per cent."""
    halves, days = (tmp_path / "archives" / name.format(file=file)
                    for name, file in ((fine, "XBTCAD_720.csv"), (coarse, "XBTCAD_1440.csv")))  # fmt: skip
    for path in (halves, days):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DUMP / halves.name, halves)
    with (DUMP / days.name).open(newline="") as file:
        miscounted = [
            f"{','.join(prices)},{float(volume) * 1.0025},{max(1, int(trades) + (1 if number % 2 else -1))}"
            for number, (*prices, volume, trades) in enumerate(csv.reader(file))
        ]
    days.write_text("\n".join(miscounted) + "\n")
    sources = [word for folder in {halves.parent, days.parent} for word in ("--csv-source-dir", folder)]
    process("ingest", "--home", kraken.home, *sources, "--tier", "ALL", "--start-date", SINCE, "--as-of", AS_OF,
            "--intervals", "720,1440", "--no-api-backfill", "--yes", "--quiet")  # fmt: skip
    covered = kraken.rows("coverage")
    for _ in range(2):
        found = {check["name"]: check for check in kraken("verify", "--json").json["checks"]}
        assert (found["silences"]["failed"], found["agreement"]["failed"]) == (0, 0)
        assert len(found["vintages"]["examples"]) == 11  # ten, and how many more
        assert "trades and -0.25% volume" in found["vintages"]["examples"][0]
    assert kraken.rows("coverage") == covered
    with Workbench.open(kraken.home) as workbench:
        assert not [claim for claim in workbench.ledger.assertions() if claim.withdrawn]
    [line] = kraken.rows("report", "--pairs", "BTC/CAD", "--intervals", "1440", "--end-date", "2025-03-30")
    assert line["missing"] == 0
    assert line["present"] == len(miscounted) - 1
    assert line["confirmed"] < 0.05 * line["covered"]  # days without trades, on which both say the same


@pytest.mark.parametrize(
    ("fine", "coarse", "agreeing", "lacking"),
    [
        ("XBTUSD_60", "XBTUSD_720", 6665, ["2023-01-07 00:00"]),
        ("XBTUSD_60", "XBTUSD_1440", 3368, ["2023-01-07 00:00"]),
        ("XBTUSD_720", "XBTUSD_1440", 4182, ["2024-03-31 00:00"]),
        ("XBTCAD_720", "XBTCAD_1440", 3509, []),
    ],
)
def test_published_candles_agree_but_at_the_edges_of_files(
    fine: str, coarse: str, agreeing: int, lacking: list[str]
) -> None:
    intervals = FILES[f"{coarse}.csv"][1], FILES[f"{fine}.csv"][1]
    finer, coarser = (
        rows_of(f"{name}.csv").with_columns(pair=pl.lit("BTC"), rank=pl.lit(rank_of(Source.CSV)))
        for name in (fine, coarse)
    )
    verdicts = compared(finer, coarser.filter(pl.col("time") <= finer["time"][-1]), intervals)
    odd = verdicts.filter(pl.col("verdict") != Verdict.AGREES)
    assert verdicts.height - odd.height == agreeing
    assert odd["time"].dt.strftime("%Y-%m-%d %H:%M").to_list() == lacking


def test_an_ingest_with_defaults_is_reported_from_the_first_candle_on(kraken: Kraken, tmp_path: Path) -> None:
    """Five years are expected where no day is named, and everything that is stored."""
    shutil.copy(DUMP / "XBTUSD_1440.csv", tmp_path)
    words = ("--pairs", "BTC/USD", "--intervals", "1d", "--as-of", AS_OF, "--no-api-backfill", "--yes")
    counts = kraken("ingest", "--source", tmp_path, *words, "--json").json["completeness"]
    [row] = kraken.rows("report")
    assert row["start"] == "2013-10-06T00:00:00Z"
    assert row["present"] == counts["present"] == rows_of("XBTUSD_1440.csv").height - 1  # the last day is provisional
    [early] = kraken.rows("report", "--end-date", "2019-12-31")
    assert early["wanted"] == early["covered"] > 2000
