"""Candles as files for other tools: Kraken's csv, parquet, freqtrade's feather; gaps left, filled or refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow.feather
import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges, day_start
from tests.support.command_line import Kraken, refused, tree
from tests.support.doubted import doubt
from tests.support.little_market import FIRST_HOLE, UNI_USD, LittleMarket

OHLCV = ["open", "high", "low", "close", "volume"]
# Prints what freqtrade's own loader makes of a folder: python -c … DATADIR PAIR TIMEFRAME
LOADER = """
import json, sys
from pathlib import Path
from freqtrade.data.history import load_pair_history
from freqtrade.data.history.datahandlers import get_datahandler
from freqtrade.enums import CandleType, TradingMode
folder, pair, timeframe = Path(sys.argv[1]), *sys.argv[2:]
found = get_datahandler(folder, "feather").ohlcv_get_available_data(folder, TradingMode.SPOT)
frame = load_pair_history(pair, timeframe, folder, fill_up_missing=False, drop_incomplete=False, data_format="feather")
print(json.dumps({"found": [str(name) for name, *_ in found], "dtypes": [str(kind) for kind in frame.dtypes],
    "columns": list(frame.columns), "dates": [int(at.timestamp()) for at in frame["date"]],
    "closes": list(frame["close"])}))
"""


def test_an_export_as_csv_can_be_ingested_again(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "BTC/USD,PEPE/USD", "--intervals", "1,60")
    written = full("export", *words, "--to", tmp_path / "out", "--format", "csv", "--json").json
    assert {Path(row["path"]).name for row in written} == {
        *("XBTUSD_1.csv", "XBTUSD_60.csv", "PEPEUSD_1.csv", "PEPEUSD_60.csv"),
    }
    other = tmp_path / "other"
    back = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", other)
    assert back["records"]["rejected"] == 0
    columns = "pair, interval_minutes, time, open, high, low, close, volume, trades"
    chosen = f"select {columns} from candles where pair in ('BTC/USD', 'PEPE/USD') and interval_minutes in (1, 60)"
    here, there = (full.rows("sql", f"{chosen} order by all", "--home", home) for home in (full.home, other))
    assert here == there
    assert len(here) == sum(row["candles"] for row in written)


def grades(kraken: Kraken, *words: object) -> set[str]:
    return {row["grade"] for row in kraken("coverage", *words, "--json").json}


def test_an_export_confirms_neither_what_it_was_written_from_nor_itself(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    words = ("--pairs", "BTC/USD", "--no-auto-gap-fill")
    kraken.ingest(little.first, *words, "--intervals", "1")
    assert grades(kraken) == {"claimed"}
    kraken("export", "--intervals", "1,60", "--to", tmp_path / "out", "--format", "csv")
    again = kraken.ingest(tmp_path / "out", *words, "--intervals", "1,60")
    assert again["records"]["rejected"] == 0
    assert grades(kraken) == {"claimed"}
    kraken.ingest(tmp_path / "out", *words, "--intervals", "1,60", "--home", tmp_path / "other")
    assert grades(kraken, "--home", tmp_path / "other") == {"claimed"}
    kraken.ingest(little.first, *words, "--intervals", "60", "--home", tmp_path / "other")
    assert grades(kraken, "--home", tmp_path / "other") == {"claimed"}


def test_an_export_as_parquet_has_the_tables_columns(full: Kraken, tmp_path: Path) -> None:
    full("export", "--pairs", "UNI/USD", "--intervals", "60", "--to", tmp_path / "out")
    frame = pl.read_parquet(tmp_path / "out" / "UNIUSD_60.parquet")
    assert frame.schema == {name: kind for name, kind in SCHEMA.items() if name != "rank"}
    rows = full.rows("sql", "select close from candles where pair = 'UNI/USD' and interval_minutes = 60 order by time")
    assert frame["close"].to_list() == [row["close"] for row in rows]


def test_an_export_takes_only_the_days_asked_for(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "BTC/USD", "--intervals", "1440", "--start-date", "2024-03-28", "--end-date", "2024-03-29")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv")
    lines = (tmp_path / "out" / "XBTUSD_1440.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["1711584000", "1711670400"]


def test_an_export_replaces_nothing_unless_told_to(full: Kraken, tmp_path: Path) -> None:
    words = ("export", "--pairs", "UNI/USD", "--to", tmp_path / "out", "--format", "csv")
    full(*words)
    before = tree(tmp_path / "out")
    assert "nothing was written; add --overwrite" in refused(full(*words, code=2))
    assert tree(tmp_path / "out") == before
    full(*words, "--overwrite")
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refused(full("export", "--to", tmp_path / "file", code=2))


@pytest.mark.parametrize("kind", ["csv", "feather", "parquet"])
def test_a_file_that_an_export_cannot_replace_as_nothing_is_stored_of_it_any_more_is_named(
    full: Kraken, tmp_path: Path, kind: str
) -> None:
    words = ("export", "--pairs", "UNI/USD", "--intervals", "60", "--to", tmp_path / "out", "--format", kind)
    [row] = full(*words, "--json").json
    before = tree(tmp_path / "out")
    assert "stays as it was" not in full(*words, "--overwrite").err
    full("undo", 1, "--yes")
    said = full(*words, "--overwrite").err
    assert f"{row['path']} stays as it was" in said
    assert tree(tmp_path / "out").keys() == before.keys()


def test_an_export_as_feather_is_laid_out_as_freqtrades(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "BTC/USD,PEPE/USD", "--to", tmp_path / "out", "--format", "feather")
    files = {Path(row["path"]).name for row in full("export", *words, "--json").json}
    timeframes = ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")
    assert files == {f"{pair}_USD-{timeframe}.feather" for pair in ("BTC", "PEPE") for timeframe in timeframes}
    frame = pyarrow.feather.read_feather(tmp_path / "out" / "BTC_USD-1h.feather")
    assert list(frame.columns) == ["date", *OHLCV]
    assert [str(kind) for kind in frame.dtypes] == ["datetime64[ms, UTC]", *["float64"] * 5]
    held = full.rows("sql", "select * from candles where pair = 'BTC/USD' and interval_minutes = 60 order by time")
    assert [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in frame["date"]] == [row["time"] for row in held]
    for name in OHLCV:
        assert list(frame[name]) == [row[name] for row in held]
    assert frame["volume"].min() > 0  # no fills, unless asked for
    hole = [pd.Timestamp(at) for at in FIRST_HOLE]
    assert frame[(frame["date"] >= hole[0]) & (frame["date"] < hole[1])].empty


def test_freqtrades_own_loader_reads_it(full: Kraken, tmp_path: Path) -> None:
    python = os.environ.get("FREQTRADE_PYTHON")
    if not python:
        pytest.skip("FREQTRADE_PYTHON names no Python that has freqtrade")
    full("export", "--pairs", "UNI/USD", "--intervals", "5", "--to", tmp_path / "out", "--format", "feather")
    words = [python, "-c", LOADER, str(tmp_path / "out"), "UNI/USD", "5m"]
    loaded = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    held = full.rows("sql", "select * from candles where pair = 'UNI/USD' and interval_minutes = 5 order by time")
    assert loaded["found"] == ["UNI/USD"]
    assert loaded["columns"] == ["date", *OHLCV]
    assert loaded["dtypes"] == ["datetime64[ms, UTC]", *["float64"] * 5]
    assert [pd.Timestamp(at, unit="s", tz="UTC") for at in loaded["dates"]] == [
        pd.Timestamp(row["time"]) for row in held
    ]
    assert loaded["closes"] == [row["close"] for row in held]


@pytest.mark.parametrize("kind", ["csv", "feather", "parquet"])
def test_fills_are_made_where_nothing_traded_never_where_nobody_knows(full: Kraken, tmp_path: Path, kind: str) -> None:
    words = ("export", "--pairs", "UNI/USD", "--intervals", "1", "--format", kind, "--json")
    [plain] = full(*words, "--to", tmp_path / "plain").json
    [row] = full(*words, "--to", tmp_path / "filled", "--fill", "previous").json
    assert (plain["filled"], plain["candles"]) == (0, row["candles"] - row["filled"])
    assert row["filled"] > 0
    assert row["missing"] == plain["missing"] > 0
    frame = read_back(Path(row["path"]))
    made = frame.filter(pl.col("volume") == 0)
    assert made.height == row["filled"]
    assert (made["open"] == made["close"]).all()
    if kind == "parquet":
        assert frame.filter("filled").height == row["filled"]
        assert set(frame["pair"]) == {"UNI/USD"}
        assert set(frame.filter("filled")["source"]) == {None}
    if kind == "csv":
        assert set(made["trades"]) == {0}  # as Kraken's OHLC answers tell a slot without trades
    start, end = (pd.Timestamp(at) for at in FIRST_HOLE)
    assert frame.filter(pl.col("time").is_between(start, end, closed="left")).is_empty()


def read_back(path: Path) -> pl.DataFrame:
    match path.suffix:
        case ".csv":
            frame = pl.read_csv(path, has_header=False, new_columns=["time", *OHLCV, "trades"])
            return frame.with_columns(pl.from_epoch("time").dt.replace_time_zone("UTC"))
        case ".feather":
            return pl.read_ipc(path).rename({"date": "time"})
        case _:
            return pl.read_parquet(path)


def test_a_filled_csv_is_taken_for_what_it_is(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "UNI/USD", "--intervals", "1")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv", "--fill", "previous")
    back = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", tmp_path / "other")
    assert back["records"]["rejected"] == 0
    chosen = "select time, close, volume from candles where pair = 'UNI/USD' and interval_minutes = 1 order by time"
    here, there = (full.rows("sql", chosen, "--home", home) for home in (full.home, tmp_path / "other"))
    assert here == there


def test_an_export_that_must_be_complete_is_refused_or_whole(full: Kraken, tmp_path: Path) -> None:
    words = ("export", "--pairs", "BTC/USD", "--intervals", "60", "--to", tmp_path / "out", "--require-complete")
    assert "BTC/USD 1h (" in refused(full(*words, code=4))
    assert not (tmp_path / "out").exists()
    [row] = full(*words, "--start-date", "2024-03-28", "--end-date", "2024-03-30", "--json").json
    assert (row["candles"], row["missing"]) == (3 * 24, 0)
    assert "nothing is stored of ETH/USD" in refused(full(*words, "--pairs", "BTC/USD,ETH/USD", code=4))


@pytest.mark.parametrize(
    "change",
    [("--drop",), ("--start-date", "2024-04-04", "--end-date", "2024-04-05", "--limit")],
    ids=["dropped", "limited"],
)
@pytest.mark.parametrize("kind", ["parquet", "parquet over renames"])
def test_a_hole_in_what_is_written_counts_whether_its_slots_are_expected_or_not(
    full: Kraken, tmp_path: Path, change: tuple[str, ...], kind: str
) -> None:
    hours = ("--pairs", "BTC/USD", "--intervals", "60")
    full("expect", *hours, *change)
    words = ("export", *hours, "--to", tmp_path / "out", *(["--follow-renames"] if "renames" in kind else []))
    assert "BTC/USD 1h is not complete" in refused(full(*words, "--require-complete", code=4))
    assert not (tmp_path / "out").exists()
    [row] = full(*words, "--json").json
    assert row["missing"] == 2 * 24
    [row] = full(*words, "--require-complete", "--overwrite", "--end-date", "2024-03-30", "--json").json
    assert (row["candles"], row["missing"]) == (4 * 24, 0)


def test_an_export_says_that_slots_are_missing(full: Kraken, little: LittleMarket, tmp_path: Path) -> None:
    said = full("export", "--pairs", "BTC/USD", "--intervals", "60", "--to", tmp_path / "out")
    [line] = full.rows("report", "--pairs", "BTC/USD", "--intervals", "60")
    assert f"{line['missing']} candles missing in this range" in said.err


# What an export covers is said beside it


def missing_of(kraken: Kraken, home: Path, *words: object) -> list[tuple[str, int, int, int, int]]:
    names = ("pair", "interval", "present", "silent", "missing")
    return [tuple(row[name] for name in names) for row in kraken.rows("report", *words, "--home", home)]


def covered(kraken: Kraken, home: Path, *words: object) -> dict[tuple[str, int], TimeRanges]:
    """What is covered of each pair and interval, on whatever evidence."""
    spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in kraken.rows("coverage", *words, "--home", home):
        start, end = (int(datetime.fromisoformat(row[edge]).timestamp()) for edge in ("start", "end"))
        spans.setdefault((row["pair"], row["interval"]), []).append((start, end))
    return {series: TimeRanges.of(found) for series, found in spans.items()}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_slots_that_are_missing_in_an_export_do_not_come_back_as_silent(
    full: Kraken, tmp_path: Path, packed: bool
) -> None:
    words = ("--pairs", "UNI/USD,BTC/USD", "--intervals", "1,60")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv")
    source = tmp_path / "out"
    if packed:
        source = Path(shutil.make_archive(str(tmp_path / "out"), "zip", source))
    other = tmp_path / "other"
    full.ingest(source, *words, "--no-auto-gap-fill", "--home", other)
    assert covered(full, other, *words) == covered(full, full.home, *words)
    assert missing_of(full, other, *words) == missing_of(full, full.home, *words)
    assert sum(missing for *_, missing in missing_of(full, other, *words)) > 0


@pytest.mark.parametrize("fill", [(), ("--fill", "previous")], ids=["plain", "filled"])
def test_slots_that_are_doubtful_in_an_export_do_not_come_back_as_known(
    full: Kraken, tmp_path: Path, fill: tuple[str, ...]
) -> None:
    words = ("--pairs", "UNI/USD", "--intervals", "1")
    sure = covered(full, full.home, *words)["UNI/USD", 1]
    doubtful = TimeRanges.single(day_start(date(2024, 3, 29)), day_start(date(2024, 3, 30)))
    with Workbench.open(full.home) as workbench:
        doubt(workbench, Series(UNI_USD, 1), doubtful)
    [row] = full("export", *words, "--to", tmp_path / "out", "--format", "csv", *fill, "--json").json
    assert row["doubtful"] == 1440
    assert "1,440 slots doubtful" in full("export", *words, "--to", tmp_path / "more", "--format", "csv", *fill).err
    other = tmp_path / "other"
    back = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", other)
    assert back["records"]["rejected"] == 0
    assert covered(full, other, *words)["UNI/USD", 1] == sure - doubtful
    chosen = "select time, close from candles where pair = 'UNI/USD' and interval_minutes = 1 order by time"
    assert full.rows("sql", chosen, "--home", other) == full.rows("sql", chosen)
    full(
        "report",
        *words,
        "--require-complete",
        "--start-date",
        "2024-03-29",
        "--end-date",
        "2024-03-29",
        "--home",
        other,
        code=4,
    )


def test_candles_whose_doubt_was_resolved_rank_as_the_others_do_though_the_text_is_the_same(
    full: Kraken, tmp_path: Path
) -> None:
    series, day = Series(UNI_USD, 1), TimeRanges.single(day_start(date(2024, 3, 29)), day_start(date(2024, 3, 30)))
    words, other = ("--pairs", "UNI/USD", "--intervals", "1"), tmp_path / "other"
    with Workbench.open(full.home) as workbench:
        before = workbench.ledger.coverage([series])
        doubt(workbench, series, day)
        workbench.export(tmp_path / "doubtful", workbench.select(pairs=["UNI/USD"], intervals=[1]), kind="csv")
        workbench.ledger.replace_coverage({series: before})
        workbench.export(tmp_path / "sure", workbench.select(pairs=["UNI/USD"], intervals=[1]), kind="csv")
    for source in ("doubtful", "sure"):
        full.ingest(tmp_path / source, *words, "--no-auto-gap-fill", "--home", other)
    assert covered(full, other, *words) == covered(full, full.home, *words)
    with Workbench.open(other) as workbench:
        ranks = workbench.store.candles({series: TimeRanges.single(before[0].start, before[-1].end)}, ("rank",))
    assert ranks["rank"].n_unique() == 1


def test_an_exported_file_that_was_changed_is_refused_for_nobody_knows_what_it_covers(
    full: Kraken, tmp_path: Path
) -> None:
    words = ("--pairs", "UNI/USD,BTC/USD", "--intervals", "60")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv")
    changed = tmp_path / "out" / "UNIUSD_60.csv"
    changed.write_bytes(b"".join(changed.read_bytes().splitlines(keepends=True)[:-20]))
    done = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", tmp_path / "other")
    assert (done["files"]["ingested"], done["files"]["failed"]) == (1, 1)
    said = " ".join(full("jobs", 1, "--home", tmp_path / "other").out.split())
    assert "COVERAGE.json beside it does not match its content" in said


def test_a_list_of_what_files_cover_that_cannot_be_read_lets_none_of_them_in(full: Kraken, tmp_path: Path) -> None:
    words = ("--pairs", "UNI/USD", "--intervals", "60")
    full("export", *words, "--to", tmp_path / "out", "--format", "csv")
    (tmp_path / "out" / "COVERAGE.json").write_text('{"product": "kraken-history-export", "schema_version": 9}')
    done = full.ingest(tmp_path / "out", *words, "--no-auto-gap-fill", "--home", tmp_path / "other", code=1)
    assert done["files"]["failed"] == 1
    said = full("export", *words, "--to", tmp_path / "out", "--format", "csv", "--overwrite", code=2)
    assert "COVERAGE.json is not of product" in refused(said)


def test_a_second_export_into_a_folder_leaves_what_is_said_of_the_first(full: Kraken, tmp_path: Path) -> None:
    for pair in ("UNI/USD", "BTC/USD"):
        full("export", "--pairs", pair, "--intervals", "60", "--to", tmp_path / "out", "--format", "csv")
    said = json.loads((tmp_path / "out" / "COVERAGE.json").read_text())
    assert list(said["files"]) == ["UNIUSD_60.csv", "XBTUSD_60.csv"]
    assert len(said["files"]["UNIUSD_60.csv"]["covered"]) == 2, "the hole in the middle is no part of it"
