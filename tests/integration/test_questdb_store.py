"""QuestDB's own ways: what it acknowledges and refuses, what is left when a writer dies, and tables of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest

from kraken_core.domain.candles import FULL_SCHEMA, Source, provisional, rank_of
from kraken_core.domain.errors import StoreError, TableLostError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import AssetRecord, Merged
from kraken_core.stores.questdb import writer
from kraken_core.stores.questdb.address import parse_address
from kraken_core.stores.questdb.state import server_state
from kraken_core.stores.questdb.store import QuestDBStore
from tests.support.candle_frames import Row, frame, rows_of
from tests.support.questdb_server import QuestDB
from tests.support.questdb_tables import SomeAssets

pytest_plugins = ["tests.support.servers"]
pytestmark = pytest.mark.questdb

BTC = Series(Pair("BTC", "USD"), 60)
EVER = {BTC: TimeRanges.single(0, 2**33)}
OLD_TABLE = (
    "CREATE TABLE assetprice (asset_id INT, time TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, "
    "volume DOUBLE, interval_minutes INT, trade_count INT, quote_currency SYMBOL, source SYMBOL) "
    "TIMESTAMP(time) PARTITION BY DAY WAL"
)
KEYS = "time, asset_id, interval_minutes, quote_currency"


class Died(BaseException):
    """As a kill would, but here."""


@pytest.fixture
def assets() -> SomeAssets:
    return SomeAssets()


@pytest.fixture
def opened(questdb: QuestDB, assets: SomeAssets) -> Callable[[], QuestDBStore]:
    return lambda: QuestDBStore(parse_address(questdb.url), questdb.folder / "staged", assets)


def put(store: QuestDBStore, *rows: Row) -> object:
    return store.commit([store.stage(frame(rows))])


def held(store: QuestDBStore) -> list[Row]:
    return rows_of(store.candles(EVER))


def averages(store: QuestDBStore) -> list[float | None]:
    return store.candles(EVER, FULL_SCHEMA)["vwap"].to_list()


def in_sql(store: QuestDBStore) -> list[float | None]:
    with duckdb.connect() as connection, store.view(connection):
        return [vwap for (vwap,) in connection.execute("SELECT vwap FROM candles ORDER BY time").fetchall()]


def old_table(server: QuestDB, keys: str, *sources: str) -> None:
    """One slot, with a row of each source; its close says which."""
    server.sql(f"{OLD_TABLE} DEDUP UPSERT KEYS({keys})" if keys else OLD_TABLE)
    server.sql("CREATE TABLE asset (id INT, ticker SYMBOL, tier SYMBOL)")
    server.sql("INSERT INTO asset VALUES (1, 'BTC', 'TIER1')")
    for number, source in enumerate(sources, 1):
        values = f"1, '1970-01-01T01:00:00Z', {number}, {number}, {number}, {number}, {number}, 60, {number}, 'USD'"
        server.sql(f"INSERT INTO assetprice VALUES ({values}, '{source}')")
    server.settle()


# What is made


def test_the_tables_are_those_of_the_contract(opened: Callable[[], QuestDBStore], questdb: QuestDB) -> None:
    put(opened(), Row(BTC, 1))
    columns = questdb.sql("SELECT \"column\", type, upsertKey FROM table_columns('assetprice')")
    assert {name: kind for name, kind, _ in columns} == {
        "asset_id": "INT",
        "time": "TIMESTAMP",
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
        "interval_minutes": "INT",
        "trade_count": "INT",
        "quote_currency": "SYMBOL",
        "source": "SYMBOL",
        "vwap": "DOUBLE",
    }
    assert {name for name, _, key in columns if key} == set(KEYS.split(", "))
    made = "SELECT partitionBy, walEnabled, dedup, designatedTimestamp FROM tables() WHERE table_name = 'assetprice'"
    assert questdb.sql(made) == [("MONTH", True, True, "time")]


@pytest.mark.parametrize("keys", [KEYS, f"{KEYS}, source"], ids=["a row a slot", "a row a source"])
def test_a_table_without_vwap_gets_the_column_with_the_first_write(
    keys: str, opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets
) -> None:
    assets(["BTC"])
    old_table(questdb, keys, "csv")
    store, reader = opened(), opened()
    assert averages(store) == averages(reader) == in_sql(reader) == [None]
    put(store, Row(BTC, 2, vwap=1.25), Row(BTC, 3))
    assert averages(store) == averages(reader) == averages(opened()) == in_sql(reader) == [None, 1.25, None]
    put(store, Row(BTC, 4, vwap=2.5))
    assert averages(reader) == [None, 1.25, None, 2.5]


def test_what_an_earlier_version_left_of_a_purge_is_put_back_before_the_column_comes(
    opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets
) -> None:
    assets(["BTC"])
    old_table(questdb, KEYS, "csv")
    questdb.sql("CREATE TABLE assetprice_kept AS (SELECT * FROM assetprice) TIMESTAMP(time) PARTITION BY YEAR WAL")
    questdb.settle()
    store = opened()
    assert averages(store) == [None]
    put(store, Row(BTC, 2, vwap=1.25))
    assert averages(store) == averages(opened()) == in_sql(store) == [None, 1.25]


def test_a_table_whose_vwap_is_something_else_is_refused(
    opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets
) -> None:
    assets(["BTC"])
    old_table(questdb, KEYS, "csv")
    questdb.sql("ALTER TABLE assetprice ADD COLUMN vwap SYMBOL")
    questdb.settle()
    with pytest.raises(StoreError, match="is not a table of candles: no vwap DOUBLE"):
        held(opened())


def test_per_tier_sql_works_in_place(opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets) -> None:
    store = opened()
    put(store, Row(BTC, 1), Row(Series(Pair("ETH", "USD"), 60), 1), Row(Series(Pair("ETH", "USD"), 60), 2))
    assets.tiers = {"BTC": "TIER1", "ETH": "TIER2"}
    store.vacuum(0)
    query = "SELECT tier, count() FROM assetprice p JOIN asset a ON a.id = p.asset_id ORDER BY tier"
    assert questdb.sql(query) == [("TIER1", 1), ("TIER2", 2)]


# What is acknowledged


def test_a_refused_row_is_named_and_nothing_of_its_part_is_written(
    opened: Callable[[], QuestDBStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    put(store, Row(BTC, 1))
    columns = store._writer._in_columns

    def with_a_wrong_one(candles: pl.DataFrame) -> pl.DataFrame:
        wrong = pl.col("time") == pl.col("time").max()
        number = pl.when(wrong).then(2**40).otherwise(pl.col("asset_id").cast(pl.Int64))  # the column takes 32 bits
        return columns(candles).with_columns(number.alias("asset_id"))

    monkeypatch.setattr(store._writer, "_in_columns", with_a_wrong_one)
    with pytest.raises(
        StoreError, match=r"out bounds of column type: INT .*of BTC/USD 1h, 1970-01-01T06:00:00Z"
    ) as told:
        put(store, *(Row(BTC, slot, rank=3) for slot in (1, 5, 6)))
    assert "\n" not in str(told.value)
    assert held(opened()) == [Row(BTC, 1)]


def test_many_files_of_one_commit_are_sent_a_few_at_a_time_and_all_are_held(
    questdb: QuestDB, assets: SomeAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SORTED_ROWS", 5)
    store = QuestDBStore(parse_address(questdb.url), questdb.folder.with_name("elsewhere"), assets)
    rows = [Row(Series(Pair(base, "USD"), 60), slot) for base in ("BTC", "ETH", "SOL", "XRP") for slot in (1, 2, 9)]

    store.commit([store.stage(frame(rows[at : at + 3])) for at in range(0, len(rows), 3)])

    assert rows_of(store.candles({row.series: TimeRanges.single(0, 2**33) for row in rows})) == rows


def test_a_table_that_is_gone_is_made_as_it_should_be_and_never_by_a_write(
    opened: Callable[[], QuestDBStore], questdb: QuestDB
) -> None:
    store = opened()
    put(store, Row(BTC, 1))
    questdb.sql("DROP TABLE assetprice")
    put(store, Row(BTC, 2))
    assert questdb.sql("SELECT partitionBy, dedup FROM tables() WHERE table_name = 'assetprice'") == [("MONTH", True)]
    assert held(store) == [Row(BTC, 2)]


# Where a writer dies


@pytest.mark.parametrize("point", ["ranks", "candles"])
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_wherever_a_writer_dies_the_repeated_batch_ends_as_if_nothing_had_been(
    point: str, rank: int, opened: Callable[[], QuestDBStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Row(BTC, slot, value=1, rank=2 if slot % 2 else 4) for slot in (1, 2, 4, 5)]
    better = [Row(BTC, slot, value=2, rank=rank) for slot in range(7)]
    put(opened(), *rows)
    undisturbed = [max(row, Row(BTC, row.slot, 2, rank), key=lambda r: r.rank) for row in rows]
    dying = opened()
    with monkeypatch.context() as patched:
        writer = dying._writer
        wrote = {"ranks": writer.record, "candles": writer.write}[point]

        def write_and_die(*arguments: object) -> None:
            wrote(*arguments)  # type: ignore[operator]
            raise Died

        patched.setattr(writer, "record" if point == "ranks" else "write", write_and_die)
        with pytest.raises(Died):
            put(dying, *better)
    middle = Row(BTC, 3, value=9, rank=2)
    put(opened(), middle)  # somebody else's, before it is repeated
    put(opened(), *better)
    expected = {row.slot: row for row in better} | {row.slot: row for row in undisturbed}
    expected[3] = max(middle, expected[3], key=lambda r: r.rank)
    assert held(opened()) == [expected[slot] for slot in range(7)]


@pytest.mark.parametrize("point", ["kept", "dropped", "put back"])
def test_wherever_a_purge_is_interrupted_every_candle_is_seen_and_the_next_writer_ends_it(
    point: str, opened: Callable[[], QuestDBStore], questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(opened(), Row(BTC, 1), Row(BTC, 2, source="derived"), Row(BTC, 2000))
    opened().commit([], clear=EVER)
    left = [Row(BTC, 1), Row(BTC, 2000)]
    dying = opened()
    changed = dying._server.execute
    words = {"kept": "RENAME", "dropped": "DROP PARTITION", "put back": "INSERT INTO"}

    def change_and_die(sql: str, values: object = ()) -> None:
        changed(sql)
        if words[point] in sql:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(dying._server, "execute", change_and_die)
        with pytest.raises(Died):
            dying.vacuum(0)
    assert held(opened()) == left
    assert opened().count(EVER) == {BTC: [2]}
    put(opened(), Row(BTC, 3))
    assert held(opened()) == [left[0], Row(BTC, 3), left[1]]
    opened().vacuum(0)
    assert questdb.sql("SELECT count() FROM assetprice") == [(3,)]
    assert not questdb.sql("SELECT 1 FROM tables() WHERE table_name LIKE 'assetprice_kept%'")


def test_slots_that_were_given_up_are_rows_without_values_until_the_table_is_swept(
    opened: Callable[[], QuestDBStore], questdb: QuestDB
) -> None:
    store = opened()
    put(store, Row(BTC, 1), Row(BTC, 2, source="derived"))
    store.commit([], clear=EVER)
    assert held(store) == [Row(BTC, 1)]
    assert store.count(EVER) == {BTC: [1]}
    store.vacuum(0)
    questdb.settle()
    assert questdb.sql("SELECT close FROM assetprice") == [(1.0,)]


# Tables of others


def test_a_slot_with_rows_of_several_sources_counts_once_and_the_highest_counts(
    opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets
) -> None:
    old_table(questdb, f"{KEYS}, source", "kraken_csv", "api")
    assets(["BTC"])
    store = opened()
    own = Row(BTC, 1, value=1, rank=provisional(rank_of(Source.CSV)))
    assert held(store) == [own]
    assert store.count(EVER) == {BTC: [1]}
    better = Row(BTC, 1, value=7, rank=rank_of(Source.TRADES), source="trades")
    assert put(store, better) == {BTC: Merged(changed=1, altered=1)}
    assert held(store) == [better]
    store.vacuum(0)
    questdb.settle()
    assert questdb.sql("SELECT close, source FROM assetprice") == [(7.0, "trades")]
    told, advice = server_state(parse_address(questdb.url))
    assert "by DAY" in told
    assert "several sources" in advice


def test_a_table_that_holds_candles_twice_is_refused_with_what_mends_it(
    opened: Callable[[], QuestDBStore], questdb: QuestDB, assets: SomeAssets
) -> None:
    old_table(questdb, "", "csv")
    assets(["BTC"])
    with pytest.raises(StoreError, match=f"DEDUP ENABLE UPSERT KEYS\\({KEYS}\\)"):
        put(opened(), Row(BTC, 1))
    assert questdb.sql("SELECT count() FROM assetprice") == [(1,)]
    questdb.sql(f"ALTER TABLE assetprice DEDUP ENABLE UPSERT KEYS({KEYS})")
    assert put(opened(), Row(BTC, 1, rank=rank_of(Source.CSV))) == {BTC: Merged(confirmed=1)}


def test_a_table_of_something_else_is_refused(opened: Callable[[], QuestDBStore], questdb: QuestDB) -> None:
    questdb.sql("CREATE TABLE assetprice (price DOUBLE, time TIMESTAMP) TIMESTAMP(time) PARTITION BY DAY WAL")
    with pytest.raises(StoreError, match=r"is not a table of candles: no asset_id INT, .*, source SYMBOL"):
        put(opened(), Row(BTC, 1))


def test_candles_are_chosen_by_tier_with_the_join_of_the_guide(questdb: QuestDB) -> None:
    old_table(questdb, KEYS, "csv")
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "servers.md").read_text(encoding="utf-8")
    [join] = [line for line in guide.splitlines() if line.startswith("SELECT") and "WHERE a.tier" in line]
    assert questdb.sql(join.replace("1440", "60")) == [(1,)]
    assert questdb.sql(join.replace("1440", "60").replace("TIER1", "TIER2")) == [(0,)]
    with pytest.raises(psycopg.Error, match="cannot compare LONG with type CURSOR"):
        questdb.sql("SELECT count() FROM assetprice WHERE asset_id IN (SELECT id FROM asset WHERE tier = 'TIER1')")


def test_candles_under_another_ledger_s_numbers_are_refused(questdb: QuestDB) -> None:
    old_table(questdb, KEYS, "csv")
    store = QuestDBStore(parse_address(questdb.url), questdb.folder / "staged", lambda _: [AssetRecord(7, "BTC")])
    with pytest.raises(StoreError, match="has BTC as asset 1, this ledger has BTC as asset 7"):
        store.candles(EVER)


def test_verify_tells_what_is_wrong(opened: Callable[[], QuestDBStore], questdb: QuestDB) -> None:
    store = opened()
    put(store, Row(BTC, 1), Row(BTC, 2))
    assert store.verify().damages == ()
    questdb.sql("INSERT INTO assetprice (asset_id, time, close, quote_currency) VALUES (99, 0, 1, 'USD')")
    assert [damage.problem for damage in store.verify().damages] == [
        "1 candle without a price or volume, or with a low above the high",
        "1 candle of an asset that is not in the table asset",
    ]


# ----------------------------------------------------------------------------------------------- a table that is known


def test_a_table_that_was_dropped_made_anew_or_is_behind_is_refused_and_not_made_again(
    questdb: QuestDB, opened: Callable[[], QuestDBStore], assets: SomeAssets
) -> None:
    put(opened(), Row(BTC, 1))
    known = opened().mark

    def guarded(mark: TableMark) -> QuestDBStore:
        return QuestDBStore(parse_address(questdb.url), questdb.folder / "staged", assets, lambda: mark)

    put(guarded(known), Row(BTC, 2))  # newer than known is right
    assert held(guarded(known)) == [Row(BTC, 1), Row(BTC, 2)]
    ahead = known._replace(version=opened().mark.version + 1)
    with pytest.raises(TableLostError, match="it is older"):
        held(guarded(ahead))
    questdb.sql("DROP TABLE assetprice")
    for _ in range(2):
        with pytest.raises(TableLostError, match="there is none"):
            put(guarded(known), Row(BTC, 3))
    put(opened(), Row(BTC, 1))
    with pytest.raises(TableLostError, match="it is another one"):
        held(guarded(known))
