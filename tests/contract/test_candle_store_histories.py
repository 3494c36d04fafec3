"""What every candle store makes of any history of commits: what the rules say, in whatever order files arrive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, provisional, rank_of
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged
from tests.candle_frames import Row, frame, rows_of
from tests.candle_tables import ALL, BTC, BTC_MINUTES, ETH
from tests.contract.stored_candles import READING, Adapter, slots

pytest_plugins = ["tests.servers", "tests.contract.candle_stores"]

# The two ways into QuestDB differ in what was never held before only.
EITHER_STORE = pytest.mark.parametrize("adapter", ["delta", READING], indirect=True, scope="session")


class Oracle:
    """The rules once more, one candle at a time."""

    def __init__(self) -> None:
        self.held: dict[tuple[Series, int], Row] = {}

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
            if before is None or row.rank > before.rank:
                self.held[row.series, row.slot] = row
            outcome = (
                "new"
                if before is None
                else "confirmed"
                if before.value == row.value
                else "changed"
                if row.rank > before.rank
                else "outranked"
            )
            counts.setdefault(row.series, []).append(outcome)
        return {series: Merged(*map(outcomes.count, Merged._fields)) for series, outcomes in counts.items()}

    @property
    def rows(self) -> list[Row]:
        return sorted(self.held.values(), key=lambda row: row[:2])


SLOT = st.integers(0, 7)


@st.composite
def batches(draw: st.DrawFn, ranks: st.SearchStrategy[int]) -> list[Row]:
    """What one staged file holds: some slots of some series of one interval."""
    chosen = draw(st.sampled_from([(BTC, ETH), (BTC_MINUTES,)]))
    keys = draw(st.sets(st.tuples(st.sampled_from(chosen), SLOT), min_size=1))
    source = draw(st.sampled_from(["csv", "derived"]))
    return [Row(*key, draw(st.sampled_from([1.0, 2.0])), draw(ranks), source) for key in sorted(keys)]


@st.composite
def some_ranges(draw: st.DrawFn) -> dict[Series, TimeRanges]:
    chosen = draw(st.sets(st.sampled_from([BTC, ETH, BTC_MINUTES])))
    return {s: slots(*draw(st.lists(st.tuples(SLOT, SLOT), max_size=2)), width=s.width) for s in chosen}


RANKS = st.integers(1, 4) | st.integers(1, 4).map(lambda rank: rank_of(Source.OHLC) + rank)
COMMIT = st.tuples(
    st.lists(batches(RANKS), max_size=3), st.just({}) | some_ranges(), st.just({}) | st.just({}) | some_ranges()
)


@EITHER_STORE
@settings(max_examples=25, deadline=None)
@given(history=st.lists(COMMIT, max_size=5))
def test_any_history_of_commits_gives_what_the_rules_say(
    adapter: Adapter, history: list[tuple[list[list[Row]], dict[Series, TimeRanges], dict[Series, TimeRanges]]]
) -> None:
    with TemporaryDirectory() as folder:
        store, oracle = adapter(Path(folder)), Oracle()
        for batch, clear, demote in history:
            expected = oracle.commit(batch, clear, demote)
            assert store.commit([store.stage(frame(rows)) for rows in batch], clear, demote) == expected
            assert rows_of(store.candles(ALL)) == oracle.rows
        per_slot = {s: slots(*((n, n + 1) for n in range(0, 8, 2)), width=s.width) for s in ALL}
        counts = store.count(per_slot)
        assert counts == {s: [int((s, n) in oracle.held) for n in range(0, 8, 2)] for s in ALL}


@EITHER_STORE
@settings(max_examples=10, deadline=None)
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
            tables.append(rows_of(store.candles(ALL)))
    assert tables[0] == tables[1]
