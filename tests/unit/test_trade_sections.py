"""Which time a file of trades shows: its sections, each of rows that follow each other (domain rule 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.ohlcvt import Reject
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.trade_sections import TradeSections
from kraken_core.domain.trades import TRADES
from kraken_core.domain.trading_history import Portion

T = 1_561_939_200


def unknown(
    *portions: tuple[Iterable[float], Sequence[int]], torn: bool = False, rejected: Iterable[float] = ()
) -> TimeRanges:
    """Of portions: the seconds after T of good trades, and how many of them come before each bad row.

    ``rejected``: the seconds of bad rows, as far as they can be read.
    """
    sections = TradeSections()
    for seconds, breaks in portions:
        bad = tuple((Reject(1, "", "bad"), place) for place in breaks)
        sections.add(Portion(trades(seconds), 1, bad, tuple(map(instant, rejected))))
    return sections.unknown(torn=torn)


def instant(second: float) -> int:
    return T * NS + round(second * 1000) * 10**6


def trades(seconds: Iterable[float]) -> pl.DataFrame:
    """Each price is that of its time, so that a time that comes again brings the same trade."""
    rows = [(instant(second), 1 + second, 1, None) for second in seconds]
    return pl.DataFrame(rows, schema=TRADES, orient="row")


def seconds(*ranges: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((T + start, T + end) for start, end in ranges)


NEVER = END_OF_TIME - T


def test_a_whole_file_shows_all_time() -> None:
    assert not unknown(([0, 7, 7, 30], []), ([30, 31], []))


def test_between_the_good_neighbours_of_a_bad_row_everything_is_unknown() -> None:
    assert unknown(([0, 7, 30, 31], [2])) == seconds((7, 31))


@pytest.mark.parametrize("torn", [True, False])
def test_before_a_bad_first_row_and_behind_a_bad_last_one_everything_is_unknown(torn: bool) -> None:
    expected = TimeRanges.of([(0, T + 6), (T + 30, END_OF_TIME)])
    assert unknown(([5, 30], [0, 2]), torn=torn) == expected
    assert unknown(([], [0]), ([5, 30], []), ([], [0, 0]), torn=torn) == expected


def test_a_last_row_without_an_end_may_be_half_of_one_and_others_may_have_followed() -> None:
    assert unknown(([0, 7], []), ([30], []), torn=True) == seconds((30, NEVER))


def test_two_files_glued_in_the_wrong_order_show_each_its_own_time() -> None:
    expected = TimeRanges.of([(0, T + 1), (T + 50, T + 100), (T + 200, END_OF_TIME)])
    assert unknown(([100, 150, 200], []), ([0, 50], [])) == expected


MINUTES = range(0, 1200, 60)


def test_time_of_which_two_sections_tell_is_unknown_as_equal_trades_are_two() -> None:
    """And so is that of two rows on both sides of it: what was lost lies behind them, and one of them may be torn."""
    assert unknown((MINUTES, []), (range(480, 2400, 60), [])) == seconds((360, 1320))


def test_where_the_file_has_no_rows_beside_disputed_time_nothing_on_that_side_is_known() -> None:
    assert not TimeRanges.single(0, END_OF_TIME) - unknown(([0, 60, 120], []), ([0, 60, 120], []))


def test_of_a_row_that_was_moved_its_second_is_unknown_wherever_other_rows_have_it() -> None:
    assert unknown((MINUTES, []), rejected=[601]) == seconds((480, 780))


def test_a_rejected_row_in_its_place_costs_what_lies_between_its_neighbours() -> None:
    assert unknown((MINUTES, [3]), rejected=[150]) == seconds((120, 181))


def test_a_run_of_trades_that_comes_again_within_a_second_is_disputed() -> None:
    run = [601.1, 601.2, 601.3]
    again = [*range(0, 601, 60), *run, *run, *range(660, 1200, 60)]
    assert unknown((again, [])) == seconds((480, 780))
    for cut in range(9, 19):
        assert unknown((again[:cut], []), (again[cut:], [])) == seconds((480, 780)), cut


def test_a_run_that_comes_again_behind_a_torn_row_is_disputed() -> None:
    run = [601.1, 601.2, 601.3]
    for torn in (601.05, 601.15, 601.4):
        assert unknown(([*range(0, 601, 60), *run, torn, *run, *range(660, 1200, 60)], [])) == seconds((480, 780))


def test_trades_out_of_order_by_a_clock_are_known_also_where_one_comes_again() -> None:
    assert not unknown(([0, 1.1, 1.3, 1.2, 1.3, 1.4, 1.35, 1.4, 60, 60, 60], []))


def test_nothing_is_known_of_a_file_without_a_good_row() -> None:
    assert unknown(([], [0])) == TimeRanges.single(0, END_OF_TIME)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.data())
def test_no_trade_that_was_lost_lies_in_time_that_is_known(tape: list[int], data: st.DataObject) -> None:
    """Blocks of a tape are lost, each of which leaves a bad row."""
    tape = sorted(tape)
    kept, breaks, lost = [], [], []
    for second in tape:
        if data.draw(st.booleans()):
            kept.append(second)
        else:
            lost.append(second)
            breaks.append(len(kept))
    found = unknown((kept, breaks))
    assert all(T + second in found for second in lost)
