"""What every candle store makes of any history of commits: what the rules say, in whatever order files arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import FULL_SCHEMA, Source, provisional, rank_of
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged
from tests.contract.stored_candles import READING, Adapter, slots
from tests.support.candle_frames import Row, frame, rows_of
from tests.support.candle_tables import ALL, BTC, BTC_MINUTES, ETH

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]

# The two ways into QuestDB differ in what was never held before only.
EITHER_STORE = pytest.mark.parametrize("adapter", ["delta", READING], indirect=True, scope="session")


def outcome_of(row: Row, before: Row | None) -> str:
    if before is None:
        return "new"
    if before.value == row.value:
        return "confirmed"
    return "changed" if takes(row, before) else "outranked"


def takes(row: Row, before: Row) -> bool:
    """The higher rank does; of two answers of OHLC the later one where it differs, or the one that came later."""
    if all(rank_of(Source.OHLC) <= each.rank < rank_of(Source.CSV) for each in (row, before)):
        return row.rank >= before.rank and row.value != before.value
    return row.rank > before.rank


class Oracle:
    """The rules once more, one candle at a time."""

    def __init__(self) -> None:
        self.held: dict[tuple[Series, int], Row] = {}
        self.differing: list[tuple[Series, int, int, int, bool]] = []  # slot, ranks, and whether the new one took it

    def commit(
        self, batches: list[list[Row]], clear: Mapping[Series, TimeRanges], demote: Mapping[Series, TimeRanges]
    ) -> dict[Series, Merged]:
        for (series, slot), row in list(self.held.items()):
            if row.source == "derived" and slot * series.width in clear.get(series, TimeRanges()):
                del self.held[series, slot]
            elif slot * series.width in demote.get(series, TimeRanges()):
                self.held[series, slot] = row._replace(rank=provisional(row.rank))
        counts: dict[Series, list[str]] = {}
        for row in (row for batch in batches for row in batch):
            before = self.held.get((row.series, row.slot))
            outcome = outcome_of(row, before)
            if before is None or takes(row, before):
                self.held[row.series, row.slot] = row
                is_other = before and (before.value, before.vwap) != (row.value, row.vwap)
                outcome += " altered" if is_other else ""
            counts.setdefault(row.series, []).append(outcome)
            if before and "confirmed" not in outcome:
                self.differing.append((row.series, row.slot, row.rank, before.rank, takes(row, before)))
        fields = Merged._fields
        return {s: Merged(*(sum(f in o.split() for o in outcomes) for f in fields)) for s, outcomes in counts.items()}

    def take_differing(self) -> list[tuple[Series, int, int, int, bool]]:
        found, self.differing = self.differing, []
        return found

    @property
    def rows(self) -> list[Row]:
        return sorted(self.held.values(), key=lambda row: row[:2])


def differing(noted: Iterable[pl.DataFrame]) -> list[tuple[Series, int, int, int, bool]]:
    """What a store noted, as the oracle does."""
    columns = ("pair", "interval_minutes", pl.col("time").dt.epoch("s"), "rank", "rank_stored", "wins")
    rows = (row for found in noted for row in found.select(columns).iter_rows())
    return [
        (series := Series(Pair.parse(pair), interval), time // series.width, *rest)
        for pair, interval, time, *rest in rows
    ]


SLOT = st.integers(0, 7)


@st.composite
def batches(draw: st.DrawFn, ranks: st.SearchStrategy[int]) -> list[Row]:
    """What one staged file holds: some slots of some series of one interval."""
    chosen = draw(st.sampled_from([(BTC, ETH), (BTC_MINUTES,)]))
    keys = draw(st.sets(st.tuples(st.sampled_from(chosen), SLOT), min_size=1))
    source = draw(st.sampled_from(["csv", "derived"]))
    return [
        Row(*key, draw(st.sampled_from([1.0, 2.0])), draw(ranks), source, draw(st.sampled_from([None, 1.0, 1.5])))
        for key in sorted(keys)
    ]


@st.composite
def some_ranges(draw: st.DrawFn) -> dict[Series, TimeRanges]:
    chosen = draw(st.sets(st.sampled_from([BTC, ETH, BTC_MINUTES])))
    return {s: slots(*draw(st.lists(st.tuples(SLOT, SLOT), max_size=2)), width=s.width) for s in chosen}


RANKS = st.integers(1, 4) | st.integers(1, 4).map(lambda rank: rank_of(Source.OHLC) + rank)
COMMIT = st.tuples(
    st.lists(batches(RANKS), max_size=3), st.just({}) | some_ranges(), st.just({}) | st.just({}) | some_ranges()
)


@EITHER_STORE
@settings(max_examples=10, deadline=None)
@given(history=st.lists(COMMIT, max_size=5))
def test_any_history_of_commits_gives_what_the_rules_say(
    adapter: Adapter, history: list[tuple[list[list[Row]], dict[Series, TimeRanges], dict[Series, TimeRanges]]]
) -> None:
    with TemporaryDirectory() as folder:
        store, oracle = adapter(Path(folder)), Oracle()
        for batch, clear, demote in history:
            noted: list[pl.DataFrame] = []
            expected = oracle.commit(batch, clear, demote)
            staged = [store.stage(frame(rows)) for rows in batch]
            assert store.commit(staged, clear, demote, note=noted.append) == expected
            assert sorted(differing(noted)) == sorted(oracle.take_differing())
            assert rows_of(store.candles(ALL, FULL_SCHEMA)) == oracle.rows
        per_slot = {s: slots(*((n, n + 1) for n in range(0, 8, 2)), width=s.width) for s in ALL}
        counts = store.count(per_slot)
        assert counts == {s: [int((s, n) in oracle.held) for n in range(0, 8, 2)] for s in ALL}


@EITHER_STORE
@settings(max_examples=5, deadline=None)
@given(files=st.lists(batches(st.just(0)), min_size=2, max_size=5), data=st.data())
def test_the_order_of_arrival_does_not_matter(adapter: Adapter, files: list[list[Row]], data: st.DataObject) -> None:
    ranked = [[row._replace(rank=rank) for row in rows] for rank, rows in enumerate(files)]
    tables = []
    for order in (ranked, data.draw(st.permutations(ranked))):
        with TemporaryDirectory() as folder:
            store = adapter(Path(folder))
            half = data.draw(st.integers(0, len(order)))
            for batch in (order[:half], order[half:]):
                store.commit([store.stage(frame(rows)) for rows in batch])
            tables.append(rows_of(store.candles(ALL, FULL_SCHEMA)))
    assert tables[0] == tables[1]
