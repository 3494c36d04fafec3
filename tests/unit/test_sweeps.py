"""A sweep gives every candle once, however the trades are cut into pages, and wherever it is taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.exchange import NS, TRADES, TradesPage
from kraken_core.domain.market import Pair
from kraken_core.domain.sweeps import Sweeping, SweepPoint, Swept, without_repeats
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trades import TradeCandles

BTC = Pair("BTC", "USD")
START = 1_700_000_040  # a minute's open
SLOTS = 12
END = START + SLOTS * 60
PRICES = st.integers(1, 9)


def trades(seconds: list[float], ids: bool = True) -> pl.DataFrame:
    """A trade at each of the times, seconds after START, numbered in their order."""
    count = len(seconds)
    return pl.DataFrame(
        {
            "time": [START * NS + round(second * NS) for second in seconds],
            "price": [float(100 + place % 7) for place in range(count)],
            "volume": ["0.1"] * count,
            "id": list(range(1, count + 1)) if ids else [None] * count,
        },
        schema={**TRADES, "volume": pl.String},
    ).cast(TRADES)  # type: ignore[arg-type] # polars knows a schema


def pages(tape: pl.DataFrame, cuts: list[int], repeated: int = 0) -> Iterator[TradesPage]:
    """The tape cut behind so many trades each; every page begins with some of the one before."""
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(tape)}), len(tape)]
    for start, end in pairwise(bounds):
        page = tape[max(0, start - repeated) : end]
        yield TradesPage(page, int(tape["time"][end - 1]), end == len(tape))


def swept(
    tape: pl.DataFrame, cuts: list[int], resumed_at: int = -1, repeated: int = 0
) -> tuple[pl.DataFrame, TimeRanges]:
    """What a sweep over the pages gave, taken up from its point before one of them."""
    sweeping: Sweeping | None = Sweeping.begin(BTC, 1, START, END)
    given_: list[Swept] = []
    for number, page in enumerate(pages(tape, cuts, repeated)):
        assert sweeping is not None
        if number == resumed_at and (point := sweeping.point):
            sweeping = Sweeping.resume(SweepPoint(*point), END)
        given_.append(sweeping.take(page))
        sweeping = given_[-1].sweeping
        if sweeping is None:
            break
    candles = pl.concat([each.candles for each in given_])
    return candles, TimeRanges.of(span for each in given_ for span in each.known)


SECONDS = st.lists(st.integers(0, (SLOTS + 3) * 60 - 1), min_size=1, max_size=60).map(sorted)


@given(SECONDS, st.lists(st.integers(1, 59), max_size=5), st.integers(-1, 5), st.integers(0, 3))
def test_cuts_repeats_and_interruptions_change_nothing(
    seconds: list[float], cuts: list[int], resumed_at: int, repeated: int
) -> None:
    tape = trades(seconds)
    candles, known = swept(tape, cuts, resumed_at, repeated)

    whole = TradeCandles.empty(BTC, (1,)).add(tape).candles()[1]
    inside = whole.filter(pl.col("time").dt.epoch("s") < END)
    assert_frame_equal(candles, inside)
    assert known == TimeRanges.single(START, END)


@given(SECONDS, st.integers(1, 59))
def test_trades_without_ids_are_told_apart_by_what_the_page_before_ended_with(seconds: list[float], cut: int) -> None:
    tape = trades(seconds, ids=False)
    first, *_ = pages(tape, [cut])
    last_instant = int((tape["time"][: len(first.trades)] == first.trades["time"][-1]).sum())
    candles, _ = swept(tape, [cut], repeated=last_instant if len(first.trades) < len(tape) else 0)

    assert candles["trades"].sum() == int((tape["time"] < END * NS).sum())


def test_a_slot_is_not_given_before_the_trades_behind_it_are_read() -> None:
    sweeping = Sweeping.begin(BTC, 1, START, END)
    page = TradesPage(trades([5, 65, 70]), START * NS + 70 * NS, is_last=False)
    taken = sweeping.take(page)

    assert taken.known == TimeRanges.single(START, START + 60)
    assert taken.candles["trades"].to_list() == [1]
    assert taken.sweeping is not None
    assert taken.sweeping.point is not None
    assert taken.sweeping.point.known_until == START + 60


def test_where_the_data_end_everything_up_to_the_sweeps_end_is_known() -> None:
    taken = Sweeping.begin(BTC, 1, START, END).take(TradesPage(trades([5]), START * NS, is_last=True))

    assert taken.known == TimeRanges.single(START, END)
    assert taken.sweeping is None


def test_a_pair_that_never_traded_was_silent() -> None:
    taken = Sweeping.begin(BTC, 1, START, END).take(TradesPage(pl.DataFrame(schema=TRADES), 0, is_last=True))

    assert (taken.candles.height, taken.known) == (0, TimeRanges.single(START, END))


@pytest.mark.parametrize(("page", "left"), [([1, 2, 3], [3]), ([3, 4], [3, 4]), ([], []), ([2], [])])
def test_ids_tell_what_was_read(page: list[int], left: list[int]) -> None:
    numbered = trades([0.0] * 4)
    tail = numbered[1:2]
    assert without_repeats(numbered[[number - 1 for number in page]], tail)["id"].to_list() == left


def test_equal_trades_without_ids_are_as_many_as_they_are() -> None:
    alike = trades([1, 1, 1, 1], ids=False).with_columns(price=pl.lit(5.0))
    assert len(without_repeats(alike, alike[:2])) == 2
    assert len(without_repeats(alike, trades([0], ids=False))) == 4


def test_without_ids_there_is_no_point_to_go_on_at() -> None:
    taken = Sweeping.begin(BTC, 1, START, END).take(TradesPage(trades([5], ids=False), START * NS, is_last=False))
    assert taken.sweeping is not None
    assert taken.sweeping.point is None
