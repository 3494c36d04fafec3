"""What every candle store does, whatever it is made of: each test runs against each adapter."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from kraken_core.domain.candles import SCHEMA, Source, provisional, rank_of
from kraken_core.domain.errors import StoreError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.table_mark import TableMark, why_not
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.pipeline.rename import move_candles
from kraken_core.ports import CandleStore, CandleTable, Merged
from tests.contract.stored_candles import Adapter, slots
from tests.support.candle_frames import Row, frame, rows_of
from tests.support.candle_tables import ALL, BTC, BTC_MINUTES, ETH, EVER, put, stage

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]


@pytest.fixture
def opened(adapter: Adapter, tmp_path: Path) -> Callable[[], CandleStore]:
    """Opens the test's one table anew, as another process would."""
    return lambda: adapter(tmp_path / "candles")


@pytest.fixture
def store(opened: Callable[[], CandleStore]) -> CandleStore:
    return opened()


# -------------------------------------------------------------------------------------------- what is held is read back


def test_an_empty_table_holds_nothing_in_the_right_columns(store: CandleStore) -> None:
    assert store.candles(ALL).schema == pl.Schema(SCHEMA)
    assert store.candles(ALL).is_empty()
    assert store.count({BTC: slots((0, 1), (2, 3))}) == {BTC: [0, 0]}


def test_staged_candles_are_invisible_until_they_are_committed(store: CandleStore) -> None:
    staged = store.stage(frame([Row(BTC, 1)]))
    assert store.candles(ALL).is_empty()
    store.commit([staged])
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1)]


def test_staged_candles_can_be_read_before_they_are_committed_file_after_file(store: CandleStore) -> None:
    first = stage(store, *(Row(series, slot) for series in (BTC, ETH) for slot in range(5)))
    second, minutes = stage(store, Row(BTC, 2, value=2, rank=2), Row(BTC, 9)), stage(store, Row(BTC_MINUTES, 3))
    wanted = {BTC: slots((1, 3), (9, 12)), BTC_MINUTES: EVER}
    expected = [Row(BTC, 1), Row(BTC, 2), Row(BTC, 2, value=2, rank=2), Row(BTC, 9), Row(BTC_MINUTES, 3)]
    assert rows_of(store.staged([first, second, minutes], wanted)) == expected
    assert store.staged([first], {BTC: EVER}, ["rank"]).columns == ["pair", "interval_minutes", "time", "rank"]
    assert store.staged([first], {BTC_MINUTES: EVER}).schema == pl.Schema(SCHEMA)


def test_candles_come_back_exactly_as_they_were_given(store: CandleStore) -> None:
    given_ones = frame([Row(BTC, 1), Row(BTC, 2)]).with_columns(
        open=pl.Series([1.1, 5e-324]), volume=pl.Series([0.1 + 0.2, 1e300]), trades=pl.Series([None, 3], dtype=pl.Int32)
    )
    store.commit([store.stage(given_ones)])
    assert store.candles(ALL).equals(given_ones)


def test_candles_come_sorted_by_pair_interval_and_time_whatever_file_they_came_in(store: CandleStore) -> None:
    put(store, Row(ETH, 5), Row(BTC, 7))
    put(store, Row(BTC_MINUTES, 3))
    put(store, Row(BTC, 6), Row(ETH, 4))
    expected = [Row(BTC_MINUTES, 3), Row(BTC, 6), Row(BTC, 7), Row(ETH, 4), Row(ETH, 5)]
    assert rows_of(store.candles(ALL)) == expected


def test_ranges_are_half_open_and_each_series_has_its_own(store: CandleStore) -> None:
    put(store, *(Row(series, slot) for series in (BTC, ETH) for slot in range(10)))
    put(store, *(Row(BTC_MINUTES, slot) for slot in range(10)))
    held = store.candles({BTC: slots((0, 2), (4, 5)), ETH: slots((8, 20))})
    assert rows_of(held) == [Row(BTC, 0), Row(BTC, 1), Row(BTC, 4), Row(ETH, 8), Row(ETH, 9)]


def test_counts_are_given_range_by_range(store: CandleStore) -> None:
    put(store, *(Row(BTC, slot) for slot in (0, 1, 2, 5, 6)), Row(ETH, 3))
    put(store, Row(BTC, 20), Row(BTC, 21))
    wanted = slots((0, 2), (3, 5), (6, 12), (20, 30))
    assert store.count({BTC: wanted, ETH: EVER, BTC_MINUTES: TimeRanges()}) == {
        BTC: [2, 0, 1, 2],
        ETH: [1],
        BTC_MINUTES: [],
    }


@pytest.mark.parametrize("end", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_count_stops_at_the_very_slot_at_which_its_range_ends(store: CandleStore, start: int, end: int) -> None:
    held = (1, 2, 5, 7)
    put(store, *(Row(BTC, slot) for slot in held))
    assert store.count({BTC: slots((start, end))}) == {BTC: [sum(start <= slot < end for slot in held)]}


def test_many_series_are_read_and_counted_in_one_call(store: CandleStore) -> None:
    many = [Series(Pair(f"T{number:03}", "USD"), 60) for number in range(500)]
    put(store, *(Row(series, slot) for series in many for slot in range(3)))
    wanted = dict.fromkeys(many, slots((0, 1), (2, 9)))
    assert store.candles(wanted).height == 1000
    assert set(map(tuple, store.count(wanted).values())) == {(1, 1)}


def test_another_handle_sees_what_was_committed(opened: Callable[[], CandleStore]) -> None:
    writer, reader = opened(), opened()
    assert reader.candles(ALL).is_empty()
    put(writer, Row(BTC, 1))
    assert rows_of(reader.candles(ALL)) == [Row(BTC, 1)]
    assert reader.version == writer.version
    put(writer, Row(BTC, 1, value=2, rank=2))
    assert rows_of(reader.candles(ALL)) == [Row(BTC, 1, value=2, rank=2)]


def test_many_threads_may_stage_at_once(store: CandleStore) -> None:
    batches = [frame([Row(BTC, batch * 10 + slot) for slot in range(10)]) for batch in range(16)]
    with ThreadPoolExecutor(8) as pool:
        staged = list(pool.map(store.stage, batches))
    assert store.commit(staged) == {BTC: Merged(new=160)}
    assert store.count({BTC: EVER}) == {BTC: [160]}


def test_the_version_rises_with_every_commit_that_changes_something(store: CandleStore) -> None:
    versions = [store.version]
    for rank in (1, 2, 3):
        put(store, Row(BTC, 1, rank=rank))
        versions.append(store.version)
    assert versions == sorted(set(versions))
    put(store, Row(BTC, 1, rank=1))
    store.commit([])
    assert store.version == versions[-1]


# ------------------------------------------------------------------------------------------------- one slot, one candle


@pytest.mark.parametrize(
    ("incoming", "outcome", "kept"),
    [
        (Row(BTC, 1, value=2, rank=6), Merged(changed=1, altered=1), Row(BTC, 1, value=2, rank=6)),
        (Row(BTC, 1, value=1, rank=6, source="trades"), Merged(confirmed=1), Row(BTC, 1, 1, 6, "trades")),
        (Row(BTC, 1, value=2, rank=4), Merged(outranked=1), Row(BTC, 1, value=1, rank=5)),
        (Row(BTC, 1, value=1, rank=4, source="ohlc"), Merged(confirmed=1), Row(BTC, 1, value=1, rank=5)),
        (Row(BTC, 1, value=2, rank=5), Merged(outranked=1), Row(BTC, 1, value=1, rank=5)),
        (Row(BTC, 1, value=1, rank=5, source="ohlc"), Merged(confirmed=1), Row(BTC, 1, value=1, rank=5)),
        (Row(BTC, 2, value=2, rank=4), Merged(new=1), Row(BTC, 2, value=2, rank=4)),
    ],
    ids=["revision", "confirmed higher", "outranked", "confirmed lower", "tie", "confirmed tie", "another slot"],
)
def test_in_every_slot_the_higher_rank_wins_and_a_tie_changes_nothing(
    store: CandleStore, incoming: Row, outcome: Merged, kept: Row
) -> None:
    put(store, Row(BTC, 1, value=1, rank=5))
    assert put(store, incoming) == {BTC: outcome}
    assert rows_of(store.candles({BTC: slots((incoming.slot, incoming.slot + 1))})) == [kept]


def test_an_unknown_number_of_trades_contradicts_no_other_and_a_better_source_adds_its_own(store: CandleStore) -> None:
    known, unknown = frame([Row(BTC, 1)]), frame([Row(BTC, 1)]).with_columns(trades=pl.lit(None, pl.Int32))
    store.commit([store.stage(unknown)])
    assert store.commit([store.stage(unknown)]) == {BTC: Merged(confirmed=1)}
    assert store.commit([store.stage(known)]) == {BTC: Merged(confirmed=1)}
    assert store.candles(ALL)["trades"].to_list() == [None], "of the same rank the first one stays"
    assert put(store, Row(BTC, 1, rank=9)) == {BTC: Merged(confirmed=1, altered=1)}
    assert store.candles(ALL)["trades"].to_list() == known["trades"].to_list()


def test_each_series_of_a_commit_is_counted_by_itself(store: CandleStore) -> None:
    put(store, Row(BTC, 1, rank=5), Row(BTC, 2, rank=5), Row(ETH, 1, rank=1))
    merged = put(store, Row(BTC, 1, rank=9), Row(BTC, 2, 7, rank=1), Row(BTC, 3), Row(ETH, 1, 7, rank=9))
    assert merged == {BTC: Merged(new=1, confirmed=1, outranked=1), ETH: Merged(changed=1, altered=1)}


def test_files_of_one_commit_may_hold_the_same_slots(store: CandleStore) -> None:
    batches = ([Row(BTC, 1, 1, rank=1), Row(BTC, 2, 1, rank=9)], [Row(BTC, 1, 2, rank=2), Row(BTC, 2, 2, rank=2)])
    merged = store.commit([store.stage(frame(rows)) for rows in batches])
    assert merged == {BTC: Merged(new=2, changed=1, outranked=1, altered=1)}
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1, 2, rank=2), Row(BTC, 2, 1, rank=9)]


def test_a_batch_that_is_repeated_finds_its_candles_already_there(store: CandleStore) -> None:
    rows = [Row(BTC, slot) for slot in range(5)]
    put(store, *rows)
    assert put(store, *rows) == {BTC: Merged(confirmed=5)}
    assert rows_of(store.candles(ALL)) == rows


# ------------------------------------------------------------------------------------------------------ derived candles


def test_clearing_removes_derived_candles_inside_the_ranges_only(store: CandleStore) -> None:
    put(store, Row(BTC, 1, source="derived"), Row(BTC, 2), Row(BTC, 3, source="derived"), Row(ETH, 1, source="derived"))
    assert store.commit([], clear={BTC: slots((1, 3))}) == {}
    assert rows_of(store.candles(ALL)) == [Row(BTC, 2), Row(BTC, 3, source="derived"), Row(ETH, 1, source="derived")]


def test_what_is_staged_takes_a_cleared_slot_whatever_its_rank(store: CandleStore) -> None:
    put(store, Row(BTC, 1, value=1, rank=9, source="derived"))
    staged = store.stage(frame([Row(BTC, 1, value=2, rank=3, source="derived")]))
    assert store.commit([staged], clear={BTC: EVER}) == {BTC: Merged(new=1)}
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1, value=2, rank=3, source="derived")]


def test_clearing_where_nothing_is_derived_changes_nothing(store: CandleStore) -> None:
    put(store, Row(BTC, 1))
    before = store.version
    assert store.commit([], clear={BTC: EVER, ETH: EVER}) == {}
    assert store.version == before


# --------------------------------------------------------------------------------------------------- candles in dispute


def test_dropping_removes_whatever_is_inside_the_ranges_and_nothing_else(store: CandleStore) -> None:
    kept = [Row(BTC, 1), Row(BTC, 9), Row(ETH, 2)]
    put(
        store,
        Row(BTC, 2),
        Row(BTC, 3, source=Source.DERIVED),
        Row(BTC, 4, rank=provisional(rank_of(Source.CSV))),
        *kept,
    )
    store.commit([], clear={BTC: slots((3, 4))}, drop={BTC: slots((2, 5))})
    assert rows_of(store.candles(ALL)) == sorted(kept)
    store.commit([store.stage(frame([Row(BTC, 2, 7.0)]))])
    assert rows_of(store.candles({BTC: slots((2, 5))})) == [Row(BTC, 2, 7.0)]


def test_candles_are_moved_to_another_pair_where_the_higher_rank_wins(store: CandleStore) -> None:
    wrong, right = Series(Pair("ETHA", "USD"), 60), Series(Pair("ETH", "AUSD"), 60)
    other = Row(BTC, 2)
    put(store, Row(wrong, 1, 1.0, 5), Row(wrong, 2, 1.0, 5), Row(wrong, 3, 1.0, 5), other)
    put(store, Row(right, 2, 2.0, 9), Row(right, 3, 2.0, 2), Row(right, 4, 2.0, 2))
    assert move_candles(store, wrong.pair, right.pair) == 3
    held = {series: TimeRanges.single(0, END_OF_TIME) for series in (wrong, right, BTC)}
    moved = [Row(right, 1, 1.0, 5), Row(right, 2, 2.0, 9), Row(right, 3, 1.0, 5), Row(right, 4, 2.0, 2)]
    assert sorted(rows_of(store.candles(held))) == sorted([*moved, other])
    assert move_candles(store, wrong.pair, right.pair) == 0


def test_demoting_makes_candles_provisional_inside_the_ranges_only(store: CandleStore) -> None:
    settled = rank_of(Source.CSV)
    rows = [Row(BTC, slot, rank=settled) for slot in (1, 2, 3)] + [Row(ETH, 1, rank=settled)]
    put(store, *rows)
    assert store.commit([], demote={BTC: slots((1, 3))}) == {}
    below = provisional(settled)
    assert rows_of(store.candles(ALL)) == [row._replace(rank=below) for row in rows[:2]] + rows[2:]


def test_a_demoted_candle_gives_way_to_any_settled_one_even_of_the_same_commit(store: CandleStore) -> None:
    put(store, Row(BTC, 1, value=1, rank=rank_of(Source.TRADES)), Row(BTC, 2, value=1, rank=rank_of(Source.TRADES)))
    better = Row(BTC, 1, value=2, rank=rank_of(Source.OHLC))
    assert store.commit([store.stage(frame([better]))], demote={BTC: EVER}) == {BTC: Merged(changed=1, altered=1)}
    kept = Row(BTC, 2, value=1, rank=provisional(rank_of(Source.TRADES)))
    assert rows_of(store.candles(ALL)) == [better, kept]


def test_demoting_what_is_provisional_or_absent_changes_nothing(store: CandleStore) -> None:
    put(store, Row(BTC, 1, rank=rank_of(Source.CSV)))
    store.commit([], demote={BTC: EVER})
    before = store.version
    assert store.commit([], demote={BTC: EVER, ETH: EVER}) == {}
    assert store.version == before


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "candles",
    [
        frame([Row(BTC, 1), Row(BTC, 2)]).reverse(),
        pl.concat([frame([Row(BTC, 1)])] * 2),
        frame([Row(BTC, 1), Row(ETH, 1)]).reverse(),
        pl.concat([frame([Row(BTC, 1), Row(ETH, 1)]), frame([Row(BTC, 2)])]),
        frame([Row(BTC, 1), Row(BTC_MINUTES, 90)]),
        frame([Row(BTC, 1)]).drop("rank"),
        frame([Row(BTC, 1)]).cast({"trades": pl.Int64}),
        frame([]),
    ],
    ids=["time falls", "slot twice", "pairs fall", "pair again", "two intervals", "no rank", "other type", "empty"],
)
def test_candles_that_would_corrupt_the_table_are_refused(store: CandleStore, candles: pl.DataFrame) -> None:
    with pytest.raises(StoreError):
        store.stage(candles)


# ------------------------------------------------------------------------------------------------------------- the view


def test_the_view_has_the_contracts_columns_even_when_nothing_is_held(store: CandleStore) -> None:
    def columns() -> dict[str, str]:
        with duckdb.connect() as connection, store.view(connection):
            return {name: kind for name, kind, *_ in connection.execute("DESCRIBE candles").fetchall()}

    empty = columns()
    assert empty == {
        "pair": "VARCHAR",
        "interval_minutes": "INTEGER",
        "time": "TIMESTAMP WITH TIME ZONE",
        **dict.fromkeys(("open", "high", "low", "close", "volume"), "DOUBLE"),
        "trades": "INTEGER",
        "source": "VARCHAR",
        "vwap": "DOUBLE",
    }
    put(store, Row(BTC, 1))
    assert columns() == empty


def test_the_view_shows_every_candle_once(store: CandleStore) -> None:
    put(store, Row(BTC, 1), Row(BTC, 2), Row(ETH, 1))
    put(store, Row(BTC, 1, value=2, rank=2), Row(BTC, 3))
    put(store, Row(BTC_MINUTES, 1))
    query = "SELECT pair, interval_minutes, epoch(time)::BIGINT // 60, close FROM candles ORDER BY ALL"
    with duckdb.connect() as connection, store.view(connection):
        assert connection.execute(query).fetchall() == [
            ("BTC/USD", 1, 1, 1.0),
            ("BTC/USD", 60, 60, 2.0),
            ("BTC/USD", 60, 120, 1.0),
            ("BTC/USD", 60, 180, 1.0),
            ("ETH/EUR", 60, 60, 1.0),
        ]


# ------------------------------------------------------------------------------------------------ what it is known by


def test_a_table_keeps_its_identity_and_its_version_rises_with_every_commit(opened: Callable[[], CandleTable]) -> None:
    store = opened()
    assert store.mark == TableMark()
    put(store, Row(BTC, 1))
    first = store.mark
    assert opened().mark == first
    put(store, Row(BTC, 2))
    second = opened().mark
    assert second.identity == first.identity
    assert second.version > first.version
    assert opened().stamp_of(first.version) == first.stamp
    for known in (first, second):
        assert why_not(known, second, store.stamp_of) is None
    assert why_not(second, first, store.stamp_of) is not None


def test_markets_of_one_asset_at_several_exchanges_are_kept_apart(store: CandleTable) -> None:
    names = ("BTC/USD", "coinbase:BTC-USD", "kraken-futures:PI_XBTUSD")
    series = [Series(Pair.parse(name), 60) for name in names]
    given_ones = [Row(each, slot, 1.0 + number) for number, each in enumerate(series) for slot in (1, 2)]
    put(store, *given_ones)
    put(store, Row(series[1], 2, 9.0, rank=2))
    expected = [given_ones[0], given_ones[1], given_ones[2], Row(series[1], 2, 9.0, rank=2), *given_ones[4:]]
    assert rows_of(store.candles(dict.fromkeys(series, EVER))) == expected
    assert store.count(dict.fromkeys(series, EVER)) == {each: [2] for each in series}
    assert rows_of(store.candles({series[2]: EVER})) == given_ones[4:]
    with duckdb.connect() as connection, store.view(connection):
        found = connection.execute("SELECT pair, sum(close) FROM candles GROUP BY pair ORDER BY pair").fetchall()
    assert found == [(names[0], 2.0), (names[1], 11.0), (names[2], 6.0)]
