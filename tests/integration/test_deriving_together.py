"""Intervals that are derived from each other are committed together, and end as if each had been before the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import FULL_SCHEMA, Source, provisional, rank_of
from kraken_core.domain.derive import Derivation
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline import derive
from kraken_core.pipeline.uncommitted import Uncommitted
from kraken_core.stores.delta.store import DeltaStore
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import BTC, ETH, put
from tests.support.helping import folder, ingest, table
from tests.support.little_market import LittleMarket

SLOTS = 6
RANKS = (0, provisional(rank_of(Source.CSV)), rank_of(Source.CSV), rank_of(Source.TRADES))
VALUES = st.tuples(st.integers(1, 4), st.none() | st.integers(1, 4))  # of prices, and of the average price
OF_A_SLOT = st.tuples(VALUES, st.sampled_from(RANKS), st.sampled_from(["csv", "derived"]))
RANGES = st.sets(st.integers(0, SLOTS - 1)).map(lambda slots: TimeRanges.of((s * 3600, s * 3600 + 3600) for s in slots))
BY_SERIES = st.fixed_dictionaries({BTC: RANGES, ETH: RANGES})


@dataclass(frozen=True)
class Candles:
    """Candles in some slots of two series."""

    rows: tuple[Row, ...]

    def inside(self, ranges: Mapping[Series, TimeRanges]) -> list[Row]:
        return [row for row in self.rows if row.slot * row.series.width in ranges[row.series]]


@st.composite
def candles(draw: st.DrawFn, *, derived: bool = False) -> Candles:
    found = draw(st.dictionaries(st.tuples(st.sampled_from([BTC, ETH]), st.integers(0, SLOTS - 1)), OF_A_SLOT))
    return Candles(
        tuple(
            Row(series, slot, float(value), rank, "derived" if derived else source, vwap and float(vwap))
            for (series, slot), ((value, vwap), rank, source) in found.items()
        )
    )


@settings(max_examples=10)
@given(candles(), candles(derived=True), BY_SERIES, BY_SERIES)
def test_what_waits_for_a_commit_is_seen_as_it_will_be_after_it(
    stored: Candles, derived: Candles, clear: dict[Series, TimeRanges], wanted: dict[Series, TimeRanges]
) -> None:
    new = derived.inside(clear)
    uncommitted = Uncommitted()
    for series, ranges in clear.items():  # in pieces, as they are derived
        made = frame(row for row in new if row.series == series)
        uncommitted.add(pl.concat([pl.DataFrame(schema=FULL_SCHEMA), made], how="diagonal"), {series: ranges})
    with folder() as root:
        store = DeltaStore(root)
        if stored.rows:
            put(store, *stored.rows)
        seen = uncommitted.seen_in(store.candles(wanted, FULL_SCHEMA), wanted)
        store.commit([store.stage(each) for each in uncommitted.by_interval()], clear)
        assert_frame_equal(seen, store.candles(wanted, FULL_SCHEMA), check_row_order=False)


def all_of(market: LittleMarket) -> tuple[pl.DataFrame, list[tuple[object, ...]], int]:
    """The table, all claims and how many commits it took, of a home with the whole market."""
    with folder() as home:
        ingest(home, market.market, market.folder)
        with Workbench.open(home) as workbench:
            claims: list[tuple[object, ...]] = [
                (claim.series, claim.start, claim.end, claim.source, claim.rank, claim.evidence)
                for claim in workbench.ledger.assertions()
            ]
            return table(workbench), sorted(claims, key=repr), workbench.version


def test_intervals_derived_together_are_as_if_each_were_committed_before_the_next(
    little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, claimed, commits = all_of(little)
    monkeypatch.setattr(derive, "_groups", lambda chunks: ([chunk] for chunk in chunks))
    one_by_one, claimed_so, more_commits = all_of(little)
    assert_frame_equal(together, one_by_one)
    assert claimed == claimed_so
    assert commits < more_commits


@given(st.lists(st.tuples(st.sampled_from(INTERVALS[1:]), st.integers(1, 5_000_000)), min_size=1, max_size=20))
def test_no_more_finer_slots_wait_for_a_commit_than_there_is_memory_for(work: list[tuple[int, int]]) -> None:
    pair = Pair("BTC", "USD")
    todo = [
        (pair, Derivation(interval, 1, 1, TimeRanges.of([TimeRange(0, slots * interval * 60)])))
        for interval, slots in work
    ]
    chunks = list(derive._chunks(todo))
    groups = list(derive._groups(chunks))
    assert [chunk for group in groups for chunk in group] == chunks
    sizes = [sum(d.ranges.slots(d.finer * 60) for chunk in group for _, d in chunk) for group in groups]
    assert max(sizes) <= derive.CHUNK_SLOTS
    assert all(a + b > derive.CHUNK_SLOTS for a, b in pairwise(sizes))
