"""A candle table on an object store: several coordinators at once, and a server that does not answer."""

from __future__ import annotations

import os
import pickle
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Timer

import duckdb
import polars as pl
import pytest

from kraken_core.domain.errors import CommitConflictError, StoreError, TableLostError
from kraken_core.domain.kept_trades import API_RANK, TradeSource, kept
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trades import PAGE
from kraken_core.ports import TradeOffer
from kraken_core.stores.delta.state import table_state
from kraken_core.stores.delta.store import DeltaStore
from kraken_core.stores.files import object_store
from kraken_core.stores.files.duckdb_objects import ObjectFiles
from kraken_core.stores.files.object_store import ObjectStore, storage_options
from kraken_core.stores.trades.trade_table import TradeTable
from tests.support.candle_frames import Row, frame, rows_of
from tests.support.candle_tables import ALL, BTC, put
from tests.support.s3_server import BUCKET, S3Server

pytest_plugins = ["tests.support.servers"]

NOW = 2_000_000_000
LATER = 30 * 86_400
AWAY_S = 6.0


def restart(server: S3Server) -> None:
    """Kill the server; it comes back after longer than libraries wait of their own."""
    server.kill()
    Timer(AWAY_S, server.start).start()


@pytest.fixture
def address(s3: S3Server, request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{request.node.name}"


def test_three_coordinators_at_once_lose_nothing(address: str) -> None:
    DeltaStore(address).commit([])

    def write(writer: int) -> None:
        store = DeltaStore(address)
        for turn in range(4):
            staged = store.stage(frame([Row(BTC, 100 * writer + turn), Row(BTC, 1000, value=writer, rank=writer)]))
            while True:
                try:
                    store.commit([staged])
                    break
                except CommitConflictError:
                    continue

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, (1, 2, 3)))
    rows = rows_of(DeltaStore(address).candles(ALL))
    assert rows == [
        *(Row(BTC, 100 * writer + turn) for writer in (1, 2, 3) for turn in range(4)),
        Row(BTC, 1000, value=3, rank=3),
    ]
    assert DeltaStore(address).verify().damages == ()


def test_a_table_whose_newest_log_entry_is_lost_or_emptied_is_refused_and_its_spoiled_files_are_found(
    address: str,
) -> None:
    store = DeltaStore(address)
    put(store, Row(BTC, 1))
    put(store, Row(BTC, 2))
    known, place = store.mark, ObjectStore(address)
    guarded = DeltaStore(address, known=lambda: known)
    assert len(rows_of(guarded.candles(ALL))) == 2
    assert guarded.damaged() == []
    path = next(file.path for file in place.files("interval_minutes=*/*.parquet"))
    content = bytearray(place.content(path))
    content[50] ^= 1
    place.write(lambda _: path, lambda file: file.write(bytes(content)))
    assert guarded.damaged() == [path]
    entry = f"_delta_log/{known.version:020d}.json"
    place.write(lambda _: entry, lambda file: file.write(b""))
    for handle in (guarded, DeltaStore(address, known=lambda: known)):
        with pytest.raises(TableLostError, match="was not made by the commit that is known"):
            handle.candles(ALL)
    place.remove(entry)
    for handle in (guarded, DeltaStore(address, known=lambda: known)):
        with pytest.raises(TableLostError, match="it is older"):
            put(handle, Row(BTC, 3))


def test_its_care_is_that_of_any_table(address: str) -> None:
    store = DeltaStore(address)
    for slot in range(10):
        put(store, Row(BTC, slot))
    store.stage(frame([Row(BTC, 50)]))  # never committed
    before = store.version
    assert store.compact(lambda: False).merged == 1
    assert rows_of(store.candles(ALL)) == rows_of(store.at(before).candles(ALL)) == [Row(BTC, n) for n in range(10)]
    assert store.vacuum(NOW + LATER).files == 11
    assert store.verify().damages == ()
    state = table_state(address)
    assert (state.files, state.candles, state.lost) == (1, 10, ())


def test_a_copy_in_another_process_takes_no_key_along(address: str) -> None:
    store = DeltaStore(address)
    put(store, Row(BTC, 1))
    copied = pickle.dumps(store)
    assert b"unasked" not in copied
    assert rows_of(pickle.loads(copied).candles(ALL)) == [Row(BTC, 1)]  # noqa: S301 - our own


def test_a_server_that_stops_answering_for_a_while_is_waited_for_and_other_threads_go_on(
    address: str, s3: S3Server
) -> None:
    store = DeltaStore(address)
    put(store, Row(BTC, 1))
    assert s3.process is not None
    s3.process.send_signal(signal.SIGSTOP)
    # This thread would never get a turn, were the interpreter kept while there is no answer.
    goes_on = Timer(1, s3.process.send_signal, [signal.SIGCONT])
    goes_on.start()
    put(store, Row(BTC, 2))
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1), Row(BTC, 2)]


@pytest.mark.soak
def test_a_server_that_is_started_anew_is_waited_for_by_who_is_patient(address: str, s3: S3Server) -> None:
    store = pickle.loads(pickle.dumps(DeltaStore(address).with_retries()))  # noqa: S301 - our own, as workers get it
    put(store, Row(BTC, 1))
    restart(s3)
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1)]
    restart(s3)
    put(store, Row(BTC, 2))
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1), Row(BTC, 2)]


@pytest.mark.parametrize("act", ["load", "read", "write"])
def test_a_server_that_is_gone_is_one_line(
    act: str, address: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_TRIES", 0)
    store = DeltaStore(address)
    staged = store.stage(frame([Row(BTC, 1)]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    acts: dict[str, Callable[[], object]] = {
        "load": lambda: DeltaStore(address).version,
        "read": lambda: store._files.footer(staged.path),
        "write": lambda: store.stage(frame([Row(BTC, 2)])),
    }
    with pytest.raises(
        StoreError, match=rf"Cannot {act} {re.escape(address)}.* of the candle table: its object store does not answer"
    ) as e:
        acts[act]()
    assert "\n" not in str(e.value)
    assert "\x1b" not in str(e.value)


def test_a_query_waits_for_a_server_that_stops_answering_and_other_threads_go_on(address: str, s3: S3Server) -> None:
    store = DeltaStore(address)
    put(store, Row(BTC, 1), Row(BTC, 2))
    assert s3.process is not None
    with duckdb.connect() as connection, store.view(connection):
        s3.process.send_signal(signal.SIGSTOP)
        goes_on = Timer(1, s3.process.send_signal, [signal.SIGCONT])
        goes_on.start()
        assert connection.execute("SELECT count(*), sum(close) FROM candles").fetchall() == [(2, 2.0)]


def test_a_server_that_is_gone_in_the_middle_of_a_query_is_one_line(
    address: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(DeltaStore(address), Row(BTC, 1))
    monkeypatch.setattr(object_store, "_TRIES", 0)

    def ask(environment: pytest.MonkeyPatch) -> None:
        with duckdb.connect() as connection, DeltaStore(address).view(connection):
            environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            connection.execute("SELECT sum(close) FROM candles").fetchall()

    why = rf"Cannot read {re.escape(address)} of the candle table: its object store does not answer"
    for _ in range(30):  # once in a few, a reader with threads of its own would stand still here for good
        with pytest.MonkeyPatch.context() as environment, pytest.raises(StoreError, match=why) as e:
            ask(environment)
        assert "\n" not in str(e.value)
        assert "Traceback" not in str(e.value)


def test_an_object_that_is_gone_in_the_middle_of_a_query_is_the_tables_fault(address: str) -> None:
    store = DeltaStore(address)
    put(store, Row(BTC, 1))
    [path] = store._index.paths

    def ask() -> None:
        with duckdb.connect() as connection, store.view(connection):
            ObjectStore(address).remove(path)
            connection.execute("SELECT sum(close) FROM candles").fetchall()

    with pytest.raises(StoreError, match=rf"^Cannot read {re.escape(address)} of the candle table: .*{path}"):
        ask()


def test_a_query_reads_no_object_outside_of_the_table(address: str) -> None:
    put(DeltaStore(address), Row(BTC, 1))
    ObjectStore(f"s3://{BUCKET}").write(lambda _: "secret.csv", lambda file: file.write(b"word\n"))
    with duckdb.connect() as connection, DeltaStore(address).view(connection):
        connection.execute("SET enable_external_access = false")
        for path in (f"s3://{BUCKET}/secret.csv", "objects://../secret.csv", "objects:///secret.csv"):
            with pytest.raises((StoreError, duckdb.Error)):
                connection.execute(f"SELECT * FROM read_csv('{path}')").fetchall()


@pytest.mark.parametrize("on_server", [True, False])
def test_candles_and_trades_of_different_places_are_read_by_one_query(
    address: str, tmp_path: Path, *, on_server: bool
) -> None:
    put(DeltaStore(address), Row(BTC, 1))
    table = TradeTable(f"{address}-trades" if on_server else tmp_path / "trades")
    trades = pl.DataFrame([(0, 1.5, Decimal(2), 7, "bl")], schema=PAGE, orient="row")
    rows = kept(trades, BTC.pair, TradeSource.REST)
    table.commit([TradeOffer(table.stage(rows), {BTC.pair: TimeRanges.single(0, 60)}, API_RANK)], {})
    with (
        duckdb.connect() as connection,
        DeltaStore(address).view(connection),
        pickle.loads(pickle.dumps(table)).view(connection),  # noqa: S301 - our own
    ):
        connection.execute("SET enable_external_access = false")
        found = connection.execute("SELECT id, t.price FROM trades t JOIN candles USING (pair)").fetchall()
    assert found == [(7, Decimal("1.5"))]


def test_an_object_is_read_anywhere_in_as_a_file_is(address: str) -> None:
    place = ObjectStore(address)
    place.write(lambda _: "some", lambda file: file.write(b"0123456789"))
    file = ObjectFiles(place).open("objects://some")
    assert (file.read(3), file.tell(), file.read(), file.read(1)) == (b"012", 3, b"3456789", b"")
    assert (file.seek(-4, os.SEEK_END), file.read(2), file.seek(1, os.SEEK_CUR), file.read(9)) == (6, b"67", 9, b"9")
    assert (file.seek(20), file.read()) == (20, b"")
    with pytest.raises(FileNotFoundError):
        ObjectFiles(place).open("objects://other")
    with pytest.raises(OSError, match="Read-only"):
        ObjectFiles(place).open("objects://some", "wb")


def test_of_the_environment_only_what_is_about_the_store_is_taken() -> None:
    environment = {"AWS_REGION": "x", "AWS_PAGER": "less", "PATH": "/bin", "AWS_ENDPOINT_URL": "http://here"}
    assert storage_options(environment) == {
        "aws_region": "x",
        "aws_endpoint_url": "http://here",
        "aws_allow_http": "true",
        "aws_conditional_put": "etag",
    }
