"""Reading OHLCVT rows that are out of order, repeated or cut off: what they do not show is unknown (domain rule 4)."""

from __future__ import annotations

from kraken_core.domain.ohlcvt import parse_any
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from tests.support.ohlcvt_text import (
    MINUTE,
    NOW,
    START,
    at,
    read,
    row,
    slots,
    takes_the_fast_way,
    text_of,
)


def test_of_different_rows_for_one_slot_none_is_taken_and_the_slot_is_unknown() -> None:
    """A partial row, and then the final one."""
    parsed = read(row(0), row(1), row(1, "42284.9,42301.5,42250.0,42250.0,2.5,12"), row(2))
    assert slots(parsed) == [0, 2]
    assert [(reject.line, reject.reason) for reject in parsed.rejects] == [
        (2, "another row of the file gives its slot other values"),
        (3, "another row of the file gives its slot other values"),
    ]
    assert parsed.unknown == at(1)


def test_different_rows_for_one_slot_far_apart_leave_it_unknown_though_another_part_skips_it() -> None:
    parsed = read(row(0), row(3), row(0), row(2), row(3), row(2, "1,1,1,1,1,1"), row(4))
    assert slots(parsed) == [0, 3, 4]
    assert at(2) - parsed.unknown == TimeRanges()


def test_rows_that_repeat_a_slot_with_the_same_values_are_not_rejected() -> None:
    parsed = read(row(0), row(1), row(1), row(3))
    assert slots(parsed) == [0, 1, 3]
    assert (parsed.rows, parsed.rejects, parsed.unknown) == (4, (), TimeRanges())
    assert not takes_the_fast_way(text_of(row(0), row(0)))


def test_of_two_rows_between_which_time_falls_neither_is_taken() -> None:
    """A row stands where it does not belong: either of the two may have the wrong time, and so hide another slot."""
    parsed = read(row(0), row(1), row(9), row(4), row(5), row(11))
    assert slots(parsed) == [0, 1, 5, 11]
    assert [reject.line for reject in parsed.rejects] == [3, 4]
    assert parsed.unknown == at(2, 3, 4, 9)


def test_two_files_glued_in_the_wrong_order_show_nothing_of_the_time_around_their_ends() -> None:
    """Nor are the rows at these sure: blocks of one file that were swapped look the same, and tear rows."""
    parsed = read(*(row(slot) for slot in (20, 22, 24, 26, 28, 30, 32, 1, 3, 5, 7, 9, 11, 13)))
    assert slots(parsed) == [3, 5, 7, 9, 11, 13, 20, 22, 24, 26, 28, 30]
    whole = TimeRanges.single(START - MINUTE, START + 40 * MINUTE)
    assert whole - parsed.unknown == at(*range(3, 10), *range(24, 31))


def test_where_a_part_of_a_file_is_there_twice_what_it_says_twice_is_known_and_nothing_to_the_second_row_beside() -> (
    None
):
    """The second copy may lie where others were: the row behind it may be torn, and so may the one before the first."""
    parsed = read(row(0), row(2), row(4), row(6), row(8), row(4), row(6), row(8), row(13), row(15), row(17))
    assert slots(parsed) == [0, 2, 4, 6, 8, 13, 15, 17]
    assert (parsed.rejects, parsed.repeated) == ((), 3)
    assert parsed.unknown == at(1, 2, 3, 9, 10, 11, 12, 13, 14)


def test_of_a_file_that_ends_in_a_repeat_nothing_is_known_behind_it() -> None:
    parsed = read(row(0), row(1), row(2), row(3), row(2), row(3))
    assert parsed.unknown == at(1) | TimeRanges.single(START + 4 * MINUTE, END_OF_TIME)


def test_a_row_behind_which_time_falls_far_back_is_not_known() -> None:
    """It may be two halves; the copy breaks off before it comes to that row."""
    parsed = read(*(row(slot) for slot in [0, 1, 2, 3, 4, 5, 6, 7, 1, 2]), row(3)[:20])
    assert at(6, 7) - parsed.unknown == TimeRanges()


def test_rows_that_only_one_of_two_overlapping_parts_has_are_not_known() -> None:
    parsed = read(row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(2), row(7), row(8), row(9))
    assert parsed.unknown == at(1, 3, 4, 5, 6, 7)


def test_a_good_row_beside_a_bad_one_for_its_slot_is_taken_and_not_sure() -> None:
    parsed = read(row(-1), row(0, "1,1,1,1,-1,1"), row(0))
    assert slots(parsed) == [-1, 0]
    assert [reject.line for reject in parsed.rejects] == [2]
    assert parsed.unknown == at(0)


# A file without a final line end may have been cut in its last row


def test_the_last_row_of_a_file_without_a_final_line_end_is_doubtful_and_nothing_is_known_behind_it() -> None:
    """``…,120`` may be torn from ``…,1205``."""
    parsed = parse_any(text_of(row(0), row(1), row(3)).rstrip(), 1, NOW)
    assert slots(parsed) == [0, 1, 3]
    assert parsed.unknown == TimeRanges.single(START + 3 * MINUTE, END_OF_TIME)
    assert parsed.rejects == ()


def test_a_blank_end_is_no_torn_row() -> None:
    assert parse_any(text_of(row(0), row(1)) + b"  ", 1, NOW).unknown == TimeRanges()


def test_of_a_torn_file_with_the_newest_row_first_nothing_is_known_before_it() -> None:
    parsed = parse_any(text_of(row(3), row(1), row(0)).rstrip(), 1, NOW)
    assert parsed.unknown == TimeRanges.single(0, START + MINUTE)


def test_a_candle_that_was_still_forming_at_the_end_of_a_file_is_no_damage() -> None:
    now = START + 5 * MINUTE + 30
    parsed = parse_any(text_of(row(0), row(3), row(5)), 1, now)
    assert slots(parsed) == [0, 3]
    assert [reject.reason for reject in parsed.rejects] == ["its slot has not closed yet"]
    assert parsed.unknown == TimeRanges()
