"""Of any history of commits, what they replaced leads back to every state that the table ever had, to the bit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.market import Series
from kraken_core.domain.revisions import ALL_VISIBLE, Replacement, taken_back
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, CandleTable, Versioned
from tests.contract.stored_candles import READING, Adapter, slots
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import ALL, BTC, BTC_MINUTES, ETH, put

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]

EITHER_STORE = pytest.mark.parametrize("adapter", ["delta", READING], indirect=True, scope="session")


class Keeper:
    """Keeps what commits replace, as a ledger does."""

    def __init__(self) -> None:
        self.kept: list[Replacement] = []

    def __call__(self, table: TableMark, replaced: Iterable[Replacement]) -> None:
        self.kept += replaced

    def before(self, store: CandleStore, number: int) -> pl.DataFrame:
        """The candles of the table when so many replacements had been kept."""
        return taken_back(visible(store), ALL, self.kept[number:])


def visible(store: CandleStore) -> pl.DataFrame:
    return store.candles(ALL, ALL_VISIBLE).select(*ALL_VISIBLE)


def bits(candles: pl.DataFrame) -> list[tuple[object, ...]]:
    """Rows as their bits: 0.0 and -0.0 are two."""
    return [tuple(map(repr, row)) for row in candles.iter_rows()]


class Commit(NamedTuple):
    """What a commit is given."""

    files: list[list[Row]]
    clear: dict[Series, TimeRanges]
    demote: dict[Series, TimeRanges]
    drop: dict[Series, TimeRanges]


SLOT = st.integers(0, 7)
RANKS = st.integers(1, 4) | st.integers(1, 4).map(lambda rank: rank_of(Source.OHLC) + rank)
VALUES = st.sampled_from([1.0, 2.0, 0.0, -0.0])
AVERAGES = st.sampled_from([None, 1.0, 1.5])


@st.composite
def files(draw: st.DrawFn) -> list[Row]:
    """What one staged file holds: some slots of some series of one interval."""
    chosen = draw(st.sampled_from([(BTC, ETH), (BTC_MINUTES,)]))
    keys = draw(st.sets(st.tuples(st.sampled_from(chosen), SLOT), min_size=1))
    source = draw(st.sampled_from(["csv", "derived", "trades"]))
    return [Row(*key, draw(VALUES), draw(RANKS), source, draw(AVERAGES)) for key in sorted(keys)]


@st.composite
def some_ranges(draw: st.DrawFn) -> dict[Series, TimeRanges]:
    chosen = draw(st.sets(st.sampled_from([BTC, ETH, BTC_MINUTES])))
    return {s: slots(*draw(st.lists(st.tuples(SLOT, SLOT), max_size=2)), width=s.width) for s in chosen}


NOWHERE = st.just(dict[Series, TimeRanges]())
CHANGE = st.builds(Commit, st.lists(files(), max_size=3), *[NOWHERE | NOWHERE | some_ranges()] * 3)
CARE = st.just("compact") | st.integers(0, 30)  # merge small files, or go back to a version


def check(adapter: Adapter, history: list[Commit | str | int]) -> None:
    """After any history, every state of it is found again."""
    with TemporaryDirectory() as folder:
        keeper = Keeper()
        store = adapter(Path(folder), keep=keeper)
        states = [(0, visible(store))]
        for step in history:
            if isinstance(step, Commit):
                store.commit([store.stage(frame(rows)) for rows in step.files], step.clear, step.demote, step.drop)
            elif isinstance(store, Versioned) and isinstance(step, int) and store.version:
                store.restore(step % store.version)
            elif step == "compact":
                cast("CandleTable", store).compact(lambda: False)
            states.append((len(keeper.kept), visible(store)))
        for number, state in states:
            assert bits(keeper.before(store, number)) == bits(state)


@EITHER_STORE
@settings(max_examples=25)
@given(history=st.lists(CHANGE | CARE, max_size=6))
def test_every_state_is_found_again_after_any_history_of_commits(
    adapter: Adapter, history: list[Commit | str | int]
) -> None:
    check(adapter, history)


@pytest.mark.soak
@EITHER_STORE
@given(history=st.lists(CHANGE | CARE, max_size=10))
def test_every_state_is_found_again_after_thousands_of_histories(
    adapter: Adapter, history: list[Commit | str | int]
) -> None:
    check(adapter, history)


@EITHER_STORE
def test_what_repeats_the_values_stored_leaves_nothing_to_keep(adapter: Adapter, tmp_path: Path) -> None:
    keeper = Keeper()
    store = adapter(tmp_path, keep=keeper)
    put(store, *(Row(BTC, slot, rank=1) for slot in range(5)))
    kept = len(keeper.kept)

    put(store, *(Row(BTC, slot, rank=2) for slot in range(5)))

    assert [each.ranges for each in keeper.kept[kept:] if each.series] == []


@EITHER_STORE
def test_what_repeats_a_candle_beside_a_new_one_keeps_it_as_it_was(adapter: Adapter, tmp_path: Path) -> None:
    keeper = Keeper()
    store = adapter(tmp_path, keep=keeper)
    put(store, Row(BTC, 2, rank=1))
    before, kept = visible(store), len(keeper.kept)

    put(store, Row(BTC, 1, rank=2), Row(BTC, 2, rank=2), Row(BTC, 3, rank=2))

    assert keeper.kept[-1].ranges == {BTC: slots((1, 2), (3, 4))}
    assert keeper.before(store, kept).equals(before)


@EITHER_STORE
def test_of_a_candle_that_another_source_confirms_only_its_source_is_kept(adapter: Adapter, tmp_path: Path) -> None:
    keeper = Keeper()
    store = adapter(tmp_path, keep=keeper)
    put(store, *(Row(BTC, slot, rank=1, source="csv") for slot in (1, 3, 4, 6)), Row(BTC, 5, rank=3, source="csv"))
    before, kept = visible(store), len(keeper.kept)

    put(store, *(Row(BTC, slot, rank=2, source="trades") for slot in (1, 3, 4, 5, 6)))

    replaced = keeper.kept[-1]
    assert (replaced.ranges, replaced.before.height) == ({}, 0)
    assert replaced.sources == {"csv": {BTC: slots((1, 5), (6, 7))}}
    assert keeper.before(store, kept).equals(before)


@EITHER_STORE
def test_candles_with_none_that_stays_between_them_are_one_range(adapter: Adapter, tmp_path: Path) -> None:
    keeper = Keeper()
    store = adapter(tmp_path, keep=keeper)
    put(store, Row(BTC, 0), Row(BTC, 6))

    put(store, Row(BTC, 2), Row(BTC, 4), Row(BTC, 8))

    assert keeper.kept[-1].ranges == {BTC: slots((2, 5), (8, 9))}


@EITHER_STORE
def test_a_commit_is_refused_where_what_it_replaces_cannot_be_kept(adapter: Adapter, tmp_path: Path) -> None:
    def full(table: TableMark, replaced: Iterable[Replacement]) -> None:
        raise OSError("no space left")

    put(adapter(tmp_path), Row(BTC, 1))
    store = adapter(tmp_path, keep=full)
    with pytest.raises(OSError, match="no space left"):
        put(store, Row(BTC, 1, value=2.0, rank=2))

    assert visible(store)["close"].to_list() == [1.0]


def test_a_table_that_waits_for_its_store_keeps_what_it_replaces_too(adapter: Adapter, tmp_path: Path) -> None:
    keeper = Keeper()
    store = cast("CandleTable", adapter(tmp_path, keep=keeper))

    put(store.with_retries(), Row(BTC, 1))

    assert [each.ranges for each in keeper.kept] == [{BTC: slots((1, 2))}]
