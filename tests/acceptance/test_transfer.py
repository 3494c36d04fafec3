"""Candles copied from table to table, and tables of others taken over."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.stores.delta.store import DeltaStore
from tests.support.command_line import Kraken, asked, refused
from tests.support.helping import table
from tests.support.little_market import BTC_USD, LittleMarket
from tests.support.questdb_server import QuestDB

pytest_plugins = ["tests.support.servers"]

KEYS = "time, asset_id, interval_minutes, quote_currency"


def with_store(monkeypatch: pytest.MonkeyPatch, store: object) -> None:
    monkeypatch.setenv("KRAKEN_STORE", str(store))


# From table to table


def test_a_copy_is_equal_series_by_series_and_once_more_writes_nothing(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = full("copy", "--to", tmp_path / "there", "--json").json
    assert sum(each["candles"] for each in copied) == sum(each["written"] for each in copied) > 0
    with Workbench.open() as workbench:
        here = table(workbench)
        with_store(monkeypatch, tmp_path / "there")
        with Workbench.open() as there:
            assert_frame_equal(table(there), here)
    monkeypatch.delenv("KRAKEN_STORE")
    again = full("copy", "--to", tmp_path / "there", "--json").json
    assert [{**each, "written": 0} for each in copied] == again


def test_a_copy_that_was_interrupted_is_gone_on_with(full: Kraken, tmp_path: Path) -> None:
    visits = iter([False, False, False, True])
    with Workbench.open() as workbench:
        with pytest.raises(Interrupted):
            workbench.copy(str(tmp_path / "there"), stop=lambda: next(visits))
        before = DeltaStore(tmp_path / "there").version
        assert before == 3
        workbench.copy(str(tmp_path / "there"))
    second = full("copy", "--to", tmp_path / "there", "--json").json
    assert all(each["written"] == 0 for each in second)


# From one table to the other as the store


def test_a_ledger_is_not_used_with_a_table_that_lacks_what_it_tells_of_until_that_is_copied(
    full: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    full("copy", "--to", there, "--pairs", "BTC/USD")
    with_store(monkeypatch, there)
    *_, told = full("ingest", "--tier", "ALL", "--csv-source-dir", little.first, "--yes", code=1).err.splitlines()
    assert f", but the store is {there}, which is missing candles of " in told
    with Workbench.open() as workbench:
        assert len(workbench.jobs()) == 1, "something was done"

    monkeypatch.delenv("KRAKEN_STORE")
    full("copy", "--to", there)
    with_store(monkeypatch, there)
    full("ingest", "--tier", "ALL", "--csv-source-dir", little.first, "--no-api-backfill", "--yes")


def test_only_what_is_selected_is_copied(full: Kraken, tmp_path: Path) -> None:
    copied = full("copy", "--to", tmp_path / "there", "--pairs", "BTC/USD", "--intervals", "60,1440", "--json").json
    assert [(each["pair"], each["interval"]) for each in copied] == [("BTC/USD", 60), ("BTC/USD", 1440)]


def test_a_table_with_other_candles_of_as_high_a_rank_is_an_error_and_keeps_them(full: Kraken, tmp_path: Path) -> None:
    with Workbench.open() as workbench:
        held = table(workbench).filter(interval_minutes=60)
        other = DeltaStore(tmp_path / "there")
        changed = held.head(1).with_columns(close=held["close"][0] * 2).select(*SCHEMA)
        other.commit([other.stage(changed)])
    line = refused(full("copy", "--to", tmp_path / "there", "--quiet", code=1))
    assert "1 series differ" in line
    pair, interval = changed["pair"][0], changed["interval_minutes"][0]
    assert f"1 slot of {Series(Pair.parse(pair), interval)}" in line


def test_candles_that_are_only_in_the_copy_are_an_error_and_stay_there(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    """What a job brought was copied, and the job undone since: the copy is not the same as the table any more."""
    there, hours = tmp_path / "there", ("--pairs", "BTC/USD", "--intervals", "60")
    kraken.ingest(little.first)
    second = kraken.ingest(little.second)["job_id"]
    kraken("copy", "--to", there)
    kraken("undo", second, "--yes")
    line = refused(kraken("copy", "--to", there, *hours, "--quiet", code=1))
    assert "1 series differ" in line
    assert f"{there} has 72 candles of BTC/USD 1h that are not here" in line
    first = ("--start-date", "2024-03-27", "--end-date", "2024-03-31")
    assert "1 series identical in both" in kraken("copy", "--to", there, *hours, *first).err
    assert len(DeltaStore(there).candles({Series(BTC_USD, 60): TimeRanges.single(0, END_OF_TIME)})) == 72 + 5 * 24


def test_a_series_of_which_nothing_is_here_any_more_differs_from_its_copy(full: Kraken, tmp_path: Path) -> None:
    full("copy", "--to", tmp_path / "there")
    full("undo", 1, "--yes")
    assert "series differ" in refused(full("copy", "--to", tmp_path / "there", "--quiet", code=1))


def test_a_table_is_not_copied_into_itself(full: Kraken) -> None:
    assert "the candle table itself" in refused(full("copy", "--to", full.home / "candles", code=2))


def test_a_folder_is_named_from_where_the_command_runs(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    full("copy", "--to", "copied", "--pairs", "BTC/USD", "--intervals", "1440")
    assert (tmp_path / "here" / "copied" / "_delta_log").is_dir()
    assert not (full.home / "copied").exists()


def test_large_series_go_in_pieces_and_their_checksum_is_the_same(
    full: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = full("copy", "--to", tmp_path / "whole", "--intervals", "60", "--json").json
    monkeypatch.setattr("kraken_core.pipeline.copy.CANDLES_AT_ONCE", 29)
    pieces = full("copy", "--to", tmp_path / "pieces", "--intervals", "60", "--json").json
    assert pieces == whole


@pytest.mark.questdb
def test_from_a_folder_to_a_server_and_back_nothing_changes(
    full: Kraken, questdb: QuestDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = full("copy", "--to", questdb.url, "--json").json
    with Workbench.open() as workbench:
        here = table(workbench)
    with_store(monkeypatch, questdb.url)
    back = full("copy", "--to", tmp_path / "back", "--json").json
    assert back == there
    with_store(monkeypatch, tmp_path / "back")
    with Workbench.open() as workbench:
        assert_frame_equal(table(workbench), here)


# Tables of others


@pytest.fixture
def old(kraken: Kraken, little: LittleMarket, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch) -> Kraken:
    """A home without anything, and a server that somebody else's tool has filled with one pair's hours."""
    keys = f"{KEYS}, source"
    questdb.sql(
        "CREATE TABLE assetprice (asset_id INT, time TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, "
        "volume DOUBLE, interval_minutes INT, trade_count INT, quote_currency SYMBOL, source SYMBOL) "
        f"TIMESTAMP(time) PARTITION BY DAY WAL DEDUP UPSERT KEYS({keys})"
    )
    for hour, source in ((0, "kraken_csv"), (1, "kraken_csv"), (1, "api"), (2, "api"), (5, "kraken_csv"), (6, "api")):
        questdb.sql(
            "INSERT INTO assetprice VALUES "
            f"(42, '2024-01-01T0{hour}:00:00Z', 1, 2, 1, 2, {hour + 1}, 60, 3, 'USD', '{source}')"
        )
    questdb.settle()
    with_store(monkeypatch, questdb.url)
    return kraken


@pytest.mark.questdb
def test_a_table_of_others_is_taken_over_as_far_as_its_candles_prove_it_and_not_changed(
    old: Kraken, questdb: QuestDB, tmp_path: Path
) -> None:
    before = questdb.sql("SELECT * FROM assetprice")
    names = tmp_path / "assets.csv"
    names.write_text("id,ticker,tier\n42,btc,TIER1\n")
    assert "--assets" in refused(old("import-assetprice", code=2))
    for _ in range(2):  # once more changes nothing
        found = old("import-assetprice", "--assets", names, "--json").json
        assert found == {"series": 1, "candles": 5, "proven": 4, "misplaced": 0}
        covered = old("coverage", "--json").json
        assert [(c["start"][11:16], c["end"][11:16], c["source"], c["candles"]) for c in covered] == [
            ("00:00", "02:00", "CSV", 2),
            ("02:00", "03:00", "API", 1),
            ("05:00", "06:00", "CSV", 1),
        ]
    assert questdb.sql("SELECT * FROM assetprice") == before
    assert questdb.sql("SELECT id, ticker, tier FROM asset") == [(42, "BTC", "TIER1")]
    gaps = old("gaps", "--intervals", "60", "--json").json
    assert gaps[0]["start"].endswith("03:00:00Z")
    assert gaps[0]["end"].endswith("05:00:00Z")


@pytest.mark.questdb
@pytest.mark.soak
def test_an_archive_outranks_what_was_taken_over(old: Kraken, little: LittleMarket, questdb: QuestDB) -> None:
    questdb.sql("CREATE TABLE asset (id INT, ticker SYMBOL, tier SYMBOL)")
    questdb.sql("INSERT INTO asset VALUES (42, 'BTC', 'TIER1')")
    old("import-assetprice")
    result = old(*asked(little.folder), "--json").json
    assert result["status"] == "COMPLETED"
    counted = old("sql", "select count(*) as n, count(distinct time) as t from candles where interval_minutes = 60 "
                         "and pair = 'BTC/USD'", "--json").json  # fmt: skip
    assert counted[0]["n"] == counted[0]["t"]


@pytest.mark.questdb
def test_numbers_that_mean_other_assets_here_are_refused(old: Kraken, tmp_path: Path) -> None:
    names = tmp_path / "assets.csv"
    names.write_text("id,ticker\n42,BTC\n")
    old("import-assetprice", "--assets", names)
    names.write_text("id,ticker\n42,ETH\n")
    assert "asset 42 is ETH there" in refused(old("import-assetprice", "--assets", names, code=1))


@pytest.mark.parametrize("text", ["", "name\nBTC\n", "id,ticker\nx,BTC\n"])
def test_a_wrong_list_of_assets_is_refused(
    text: str, kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_store(monkeypatch, "questdb://localhost:1?pg=1")
    (tmp_path / "assets.csv").write_text(text)
    line = refused(kraken("import-assetprice", "--assets", tmp_path / "assets.csv", code=2))
    assert "id and ticker" in line or "are unknown" in line


def test_only_a_server_is_taken_over(kraken: Kraken) -> None:
    assert "not a table that others fill" in refused(kraken("import-assetprice", code=2))
