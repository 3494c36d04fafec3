"""Candles for other tools: by SQL and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.command_line import INSTANT, Kraken, refused, tree

COLUMNS: dict[str, dict[str, str] | set[str]] = {
    "candles": {
        "pair": "VARCHAR",
        "interval_minutes": "INTEGER",
        "time": "TIMESTAMP WITH TIME ZONE",
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
        "trades": "INTEGER",
        "source": "VARCHAR",
    },
    "assets": {"asset_id", "ticker", "tier"},
    "pairs": {"pair", "base", "quote", "tier"},
    "jobs": {"job_id", "status", "tiers", "intervals", "progress_pct", "error"},
    "files": {"pair", "interval_minutes", "job_id", "path", "member", "status"},
    "coverage": {"pair", "interval_minutes", "start_time", "end_time", "source", "candles"},
    "gaps": {"pair", "interval_minutes", "start_time", "end_time", "candles", "status", "route", "archive"},
}


@pytest.mark.parametrize("view", COLUMNS)
def test_sql_has_the_views_of_the_contract_full_or_empty(full: Kraken, tmp_path: Path, view: str) -> None:
    for home in (full.home, tmp_path / "nowhere"):
        described = full.rows("sql", f"describe {view}", "--home", home)
        columns = {row["column_name"]: row["column_type"] for row in described}
        expected = COLUMNS[view]
        assert columns == expected if isinstance(expected, dict) else set(expected) <= set(columns)
        [counted] = full.rows("sql", f"select count(*) as n from {view.upper()}", "--home", home)
        assert (counted["n"] > 0) == (home == full.home)


def test_sql_joins_the_candles_with_what_is_known_of_them(full: Kraken) -> None:
    rows = full.rows(
        "sql",
        "select a.tier, count(*) as n, min(c.time) as first from candles c "
        "join pairs p using (pair) join assets a on a.ticker = p.base group by 1 order by 1 nulls last",
    )
    assert [row["tier"] for row in rows] == ["TIER1", "TIER2", "TIER4", None]
    assert INSTANT.fullmatch(rows[0]["first"])


@pytest.mark.parametrize(
    "query",
    [
        "select * from '{file}'",
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "copy (select 1) to '{file}'",
        "copy candles to '{table}/mine.parquet'",
        "attach '{file}' as other",
        "set enable_external_access = true",
        "create table mine as select 1",
        "select 1; select 2",
        "select nothing from candles",
        "selec",
        "",
        "select 1 as n, 2 as n",
    ],
)
def test_sql_only_answers_queries_and_reaches_no_other_file(full: Kraken, tmp_path: Path, query: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    before = tree(tmp_path)
    refused(full("sql", query.format(file=file, table=full.home / "candles"), code=2))
    assert tree(tmp_path) == before


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


@pytest.mark.parametrize(("kind", "read"), [("parquet", pl.read_parquet), ("feather", pl.read_ipc)])
def test_an_export_for_other_tools_has_the_tables_columns(full: Kraken, tmp_path: Path, kind: str, read: Any) -> None:
    full("export", "--pairs", "UNI/USD", "--intervals", "60", "--to", tmp_path / "out", "--format", kind)
    frame = read(tmp_path / "out" / f"UNIUSD_60.{kind}")
    assert frame.columns == list(COLUMNS["candles"])
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
