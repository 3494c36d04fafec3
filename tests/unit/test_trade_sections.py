"""Which time a file of trades shows: its sections, each of rows that follow each other (domain rule 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.trade_sections import TradeSections

T = 1_561_939_200


def unknown(*portions: tuple[Iterable[int], Sequence[int]], torn: bool = False) -> TimeRanges:
    """Of portions: the seconds after T of good trades, and how many of them come before each bad row."""
    sections = TradeSections()
    for seconds, breaks in portions:
        sections.add(np.array([(T + second) * NS for second in seconds], dtype=np.int64), breaks)
    return sections.unknown(torn=torn)


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


def test_time_of_which_two_sections_tell_is_unknown_as_equal_trades_are_two() -> None:
    assert unknown(([0, 40, 50], []), ([40, 50, 90], [])) == seconds((41, 50))


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
