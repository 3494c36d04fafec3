"""The table of trades: each trade once, whatever sources offer, in whatever order, however often."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import API_RANK, KEPT, KeptCounts, RankedRange, TradeSource, kept
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.domain.trades import PAGE
from kraken_core.ports import TradeOffer
from kraken_core.stores.trades.trade_table import TradeTable
from tests.support.helping import folder

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
EVER = TimeRange(0, END_OF_TIME)
MINUTES = 30
BEGIN = 1_704_067_200 - 15 * 60  # of the tape: a year begins in the middle of it


def page(minutes: range, *, numbered: bool = True, per_minute: int = 3) -> pl.DataFrame:
    """A tape's trades of some minutes, several of them at one instant."""
    numbers = np.arange(minutes.start * per_minute, minutes.stop * per_minute)
    return pl.DataFrame(
        {
            "time": (BEGIN + numbers // per_minute * 60) * NS + numbers % per_minute // 2 * 12_345_678,
            "price": 100 + numbers % 7 / 10,
            "volume": pl.Series(numbers + 1).cast(pl.Decimal(38, 8)),
            "id": numbers + 1 if numbered else np.zeros(len(numbers), dtype=np.int64),
            "kind": "bl",
        },
        schema=PAGE,
    )


class Claiming:
    """A table, and who claimed what of it, as the ledger would know."""

    def __init__(self, place: Path) -> None:
        self.table = TradeTable(place)
        self.standing: dict[Pair, list[RankedRange]] = {}

    def offer(self, trades: pl.DataFrame, claims: TimeRanges, rank: int, pair: Pair = BTC) -> KeptCounts:
        staged = self.table.stage(trades) if trades.height else []
        offers = [TradeOffer(staged, {pair: claims}, rank)]
        counts = self.table.commit(offers, self.standing)
        self.standing.setdefault(pair, []).extend(RankedRange(*span, rank) for span in claims)
        return counts.get(pair, KeptCounts())


@pytest.fixture
def claiming(tmp_path: Path) -> Claiming:
    return Claiming(tmp_path / "trades")


def spanning(minutes: range) -> TimeRanges:
    return TimeRanges.single(BEGIN + minutes.start * 60, BEGIN + minutes.stop * 60)


class Offered(NamedTuple):
    """What a source offers: minutes, of which it may leave trades out where it claims nothing."""

    minutes: range
    source: TradeSource
    claims: bool
    lost: int


def offers_of_a_source() -> st.SearchStrategy[Offered]:
    spans = st.tuples(st.integers(0, MINUTES - 1), st.integers(1, 12)).map(lambda at: range(at[0], sum(at)))
    return st.builds(Offered, spans, st.sampled_from(TradeSource), st.booleans(), st.integers(0, 3))


def offered(each: Offered) -> pl.DataFrame:
    archive = each.source is TradeSource.ARCHIVE
    trades = page(each.minutes, numbered=not archive)
    if not each.claims and each.lost:
        trades = trades.gather_every(each.lost + 1)
    if each.source is TradeSource.LIVE:
        trades = trades.with_columns(pl.col("time") - pl.col("time") % 1_000)
    return kept(trades, BTC, each.source)


sequences = st.lists(offers_of_a_source(), min_size=1, max_size=6)


@settings(UNHURRIED, max_examples=8)
@given(sequences)
def test_what_is_claimed_is_the_tape_whatever_came_before_and_after(sequence: list[Offered]) -> None:
    assert_claimed_is_tape(sequence)


@pytest.mark.soak
@settings(UNHURRIED, max_examples=1_000)
@given(sequences)
def test_what_is_claimed_is_the_tape_after_very_many_histories(sequence: list[Offered]) -> None:
    assert_claimed_is_tape(sequence)


def assert_claimed_is_tape(sequence: list[Offered]) -> None:
    with folder() as place:
        claiming = Claiming(place / "trades")
        for each in sequence:
            rank = 5 if each.source is TradeSource.ARCHIVE else API_RANK
            claiming.offer(offered(each), spanning(each.minutes) if each.claims else TimeRanges(), rank)
        found = claiming.table.trades([BTC], EVER)
        claimed = {minute for each in sequence if each.claims for minute in each.minutes}
        minute = (pl.col("time") // NS - BEGIN) // 60
        for at in claimed:
            tape, here = kept(page(range(at, at + 1)), BTC, TradeSource.REST), found.filter(minute == at)
            assert here.select("price", "volume").rows() == tape.select("price", "volume").rows()
            if here["id"].null_count() == 0:
                assert here["id"].to_list() == tape["id"].to_list()
        assert found.height == found.unique().height
        for each in sequence:
            claiming.offer(offered(each), TimeRanges(), 5)
        of_claims, in_microseconds = minute.is_in(sorted(claimed)), pl.col("time") // 1_000  # which REST makes exact
        columns = ("id", "price", "volume", in_microseconds)
        again = claiming.table.trades([BTC], EVER)
        assert_frame_equal(again.filter(of_claims).select(columns), found.filter(of_claims).select(columns))


def test_the_same_trades_offered_again_change_nothing(claiming: Claiming) -> None:
    trades, minutes = kept(page(range(20)), BTC, TradeSource.REST), spanning(range(20))
    assert claiming.offer(trades, minutes, API_RANK) == KeptCounts(new=60)
    before = claiming.table.version
    assert claiming.offer(trades, minutes, API_RANK) == KeptCounts(confirmed=60)
    assert claiming.table.version == before
    assert_frame_equal(claiming.table.trades([BTC], EVER), trades)


def test_the_precise_times_of_rest_take_the_place_of_those_of_live(claiming: Claiming) -> None:
    exact, minutes = kept(page(range(3)), BTC, TradeSource.REST), spanning(range(3))
    cut = kept(page(range(3)).with_columns(pl.col("time") // 1_000 * 1_000), BTC, TradeSource.LIVE)
    for first, second in ((exact, cut), (cut, exact)):
        claiming.offer(first, minutes, API_RANK)
        assert claiming.offer(second, minutes, API_RANK).differing == 0
        assert claiming.table.trades([BTC], EVER)["time"].to_list() == exact["time"].to_list()


def test_what_two_sources_have_otherwise_is_counted_and_the_later_of_the_better_one_is_kept(claiming: Claiming) -> None:
    minutes = spanning(range(2))
    claiming.offer(kept(page(range(2), numbered=False), BTC, TradeSource.ARCHIVE), minutes, 5)
    other = page(range(2)).with_columns(volume=pl.col("volume") * 2)
    counts = claiming.offer(kept(other, BTC, TradeSource.REST), minutes, API_RANK)
    assert (counts.differing, counts.removed) == (12, 6)
    assert claiming.table.trades([BTC], EVER)["volume"].to_list() == other["volume"].to_list()
    counts = claiming.offer(kept(page(range(2), numbered=False), BTC, TradeSource.ARCHIVE), minutes, 5)
    assert (counts.new, counts.differing) == (0, 12)
    assert claiming.table.trades([BTC], EVER)["volume"].to_list() == other["volume"].to_list()


def test_a_range_without_trades_can_be_claimed_before_any_trade_is_kept(claiming: Claiming) -> None:
    assert claiming.offer(pl.DataFrame(schema=KEPT), spanning(range(5)), API_RANK) == KeptCounts()
    assert claiming.table.mark.identity
    assert claiming.table.trades([BTC], EVER).is_empty()


def test_equal_rows_of_an_archive_are_as_many_trades(claiming: Claiming) -> None:
    twice = page(range(1), numbered=False).head(1)
    rows = kept(pl.concat([twice, twice]), BTC, TradeSource.ARCHIVE)
    claiming.offer(rows, spanning(range(1)), 5)
    claiming.offer(rows, spanning(range(1)), 5)
    assert claiming.table.trades([BTC], EVER).height == 2


def test_trades_of_other_pairs_stay_when_files_are_rewritten(claiming: Claiming) -> None:
    both = pl.concat([kept(page(range(5)), pair, TradeSource.REST) for pair in (BTC, ETH)])
    claiming.offer(both, spanning(range(5)), API_RANK)
    late = page(range(5)).with_columns(pl.col("price") + 1)
    claiming.offer(kept(late, BTC, TradeSource.REST), spanning(range(5)), API_RANK)
    assert_frame_equal(claiming.table.trades([ETH], EVER), kept(page(range(5)), ETH, TradeSource.REST))
    assert claiming.table.trades([BTC], EVER)["price"].to_list() == kept(late, BTC, TradeSource.REST)["price"].to_list()
    assert claiming.table.verify().damages == ()


def test_small_files_are_merged_and_the_trades_stay_the_same(claiming: Claiming) -> None:
    for at in range(10):
        claiming.offer(kept(page(range(at, at + 1)), BTC, TradeSource.LIVE), spanning(range(at, at + 1)), API_RANK)
    before = claiming.table.trades([BTC], EVER)
    assert claiming.table.compact(lambda: False).files == 10
    assert_frame_equal(claiming.table.trades([BTC], EVER), before)


def test_trades_of_a_renamed_pair_are_those_of_its_new_name(claiming: Claiming) -> None:
    claiming.offer(kept(page(range(5)), BTC, TradeSource.REST), spanning(range(5)), API_RANK)
    claiming.table.rename({BTC: ETH})
    claiming.table.rename({BTC: ETH})
    assert claiming.table.trades([BTC], EVER).is_empty()
    assert_frame_equal(claiming.table.trades([ETH], EVER), kept(page(range(5)), ETH, TradeSource.REST))


def test_an_earlier_version_can_be_restored(claiming: Claiming) -> None:
    claiming.offer(kept(page(range(5)), BTC, TradeSource.REST), spanning(range(5)), API_RANK)
    version, before = claiming.table.version, claiming.table.trades([BTC], EVER)
    claiming.offer(kept(page(range(3, 9)), BTC, TradeSource.REST), spanning(range(3, 9)), API_RANK)
    assert claiming.table.keeps(version)
    claiming.table.restore(version)
    assert_frame_equal(claiming.table.trades([BTC], EVER), before)


def test_a_version_whose_log_is_gone_is_one_that_is_not_kept(tmp_path: Path, claiming: Claiming) -> None:
    claiming.offer(kept(page(range(2)), BTC, TradeSource.REST), spanning(range(2)), API_RANK)
    version = claiming.table.version
    claiming.offer(kept(page(range(5, 6)), BTC, TradeSource.REST), spanning(range(5, 6)), API_RANK)
    [log] = tmp_path.rglob("_delta_log")
    for entry in log.glob("*.json"):
        if int(entry.stem) <= version:
            entry.unlink()
    assert not claiming.table.keeps(version)
    assert claiming.table.keeps(0), "of nothing there is nothing to keep"
