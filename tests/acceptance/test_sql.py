"""Candles for other tools, by SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import INSTANT, Kraken, refused, tree

COLUMNS: dict[str, dict[str, str] | set[str]] = {
    "candles": {
        "pair": "VARCHAR",
        "interval_minutes": "INTEGER",
        "time": "TIMESTAMP WITH TIME ZONE",
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
        "trades": "INTEGER",
        "source": "VARCHAR",
        "vwap": "DOUBLE",
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
        "select 12345678901234567890123456789::varint as v",
        "select 'infinity'::timestamp as t",
        "select '-infinity'::timestamptz as t",
        "select 'infinity'::date as t",
        "select '290000-01-01'::timestamp as t",
        "select interval 1 day as i",
        "select union_value(a := 1) as u",
    ],
)
def test_sql_only_answers_queries_and_reaches_no_other_file(full: Kraken, tmp_path: Path, query: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    before = tree(tmp_path)
    refused(full("sql", query.format(file=file, table=full.home / "candles"), code=2))
    assert tree(tmp_path) == before


def test_sql_shows_bytes_as_hexadecimal_text(kraken: Kraken) -> None:
    query = "select 'a\\xFF'::blob as b, null::blob as n, 'infinity'::timestamp::varchar as t"
    assert kraken.rows("sql", query) == [{"b": "61ff", "n": None, "t": "infinity"}]
    assert "61ff" in kraken("sql", query).out
