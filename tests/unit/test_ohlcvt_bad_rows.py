"""Bad rows of OHLCVT text are set aside with line, text and reason, and what they speak of stays unknown (rule 4)."""

from __future__ import annotations

import pytest

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.ohlcvt import COLUMNS, Reject, parse_any, parse_clean
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from tests.support.ohlcvt_text import (
    GOOD,
    MINUTE,
    NOW,
    START,
    at,
    hour_row,
    read,
    row,
    slots,
    takes_the_fast_way,
    text_of,
)

BAD_ROWS = {
    "its time is not a whole number of seconds": [f",{GOOD}", f"2024-01-01T00:00:00Z,{GOOD}"],
    "its time has a decimal point; Kraken's are whole seconds": [f"{START}.5,{GOOD}", f"{START}.0,{GOOD}"],
    "its time is in milliseconds, not in seconds": [f"{START}000,{GOOD}"],
    "its time is in microseconds, not in seconds": [f"{START}000000,{GOOD}"],
    "its time is in nanoseconds, not in seconds": [f"9223372036854775800,{GOOD}"],
    "its time is before Kraken existed": [f"0,{GOOD}", f"-60,{GOOD}", f"1299999960,{GOOD}"],
    "its time is not the start of a 1m slot": [f"{START + 1},{GOOD}"],
    "its slot has not closed yet": [f"{NOW},{GOOD}"],
    "a price is not a number": [row(1, "x,1,1,1,1,1"), row(1, "1,,1,1,1,1"), row(1, "1,1,1,1 000,1,1")],
    "its volume is not a number": [row(1, "1,1,1,1,?,1"), row(1, "1,1,1,1,,1")],
    "its count of trades is not a whole number": [
        row(1, "1,1,1,1,1,1.5"),
        row(1, "1,1,1,1,1,"),
        row(1, "1,1,1,1,1,nan"),
        row(1, "1,1,1,1,1,3000000000"),
    ],
    "a value is not finite": [
        row(1, "nan,1,1,1,1,1"),
        row(1, "1,1,1,NaN,1,1"),
        row(1, "1,inf,1,1,1,1"),
        row(1, "1,1,-inf,1,1,1"),
        row(1, "1,1,1,1,Infinity,1"),
        row(1, "1,1,1,1,nan,1"),
        row(1, "1,1e999,1,1,1,1"),
    ],
    "a price is not positive": [row(1, "-1,-1,-1,-1,1,1"), row(1, "0,1,0,1,1,1")],
    "its volume is negative": [row(1, "1,1,1,1,-1,1")],
    "its count of trades is negative": [row(1, "1,1,1,1,1,-1")],
    "its high is not the highest price": [row(1, "1,1,1,2,1,1"), row(1, "2,1,1,1,1,1")],
    "its low is not the lowest price": [row(1, "1,2,1.5,2,1,1"), row(1, "2,2,2,1,1,1")],
    "it has trades without volume, or the reverse": [row(1, "1,1,1,1,0,3"), row(1, "1,1,1,1,3,0")],
    "6 columns instead of 7": [row(1, "1,1,1,1,1")],
    "9 columns instead of 7": [row(1, f"{GOOD},1,1")],
    "9 columns instead of 7, as if its decimal points were commas": [row(1, "1,5,1,5,1,5,1,5")],
    "1 column instead of 7, as if it had ';' between them": [row(1).replace(",", ";")],
    "6 columns instead of 7, as if it had ';' between them": [row(1).replace(",", ";").replace(".", ",")],
    "1 column instead of 7, as if it had tabs between them": [row(1).replace(",", "\t")],
    "1 column instead of 7": ["\x00" * 7, "17040", "<html>", "\x01"],
}


@pytest.mark.parametrize(
    ("reason", "bad"), [(reason, bad) for reason, rows in BAD_ROWS.items() for bad in rows], ids=repr
)
def test_a_bad_row_is_set_aside_with_its_line_text_and_reason(reason: str, bad: str) -> None:
    parsed = read(row(0), bad, row(2))
    assert slots(parsed) == [0, 2]
    assert parsed.rejects == (Reject(2, bad, reason),)
    assert parsed.rows == 3
    assert not takes_the_fast_way(text_of(row(0), bad, row(2)))
    assert not takes_the_fast_way(text_of(bad))


def test_bytes_that_are_no_text_are_set_aside_and_the_rest_is_taken() -> None:
    binary = bytes(n for n in range(256) if n != ord("\n"))
    parsed = parse_any(text_of(row(0)) + binary + b"\n" + text_of(row(1)), 1, NOW)
    assert slots(parsed) == [0, 1]
    (reject,) = parsed.rejects
    assert reject.line == 2
    assert "�" in reject.text


@pytest.mark.parametrize("separator", ["\x01", "\x1c", "\x85", "\u2028", "\v", "\f"])
def test_no_control_character_hides_the_rest_of_a_row(separator: str) -> None:
    """Cut at it, 7 trades would be read where the row says something else."""
    bad = f"{row(1)}{separator}8"
    parsed = read(row(0), bad, row(2))
    assert slots(parsed) == [0, 2]
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(2, bad)]


def test_lines_are_counted_from_one_with_header_and_blank_lines() -> None:
    parsed = read(",".join(COLUMNS), "", row(0), "", "x", row(2), "y")
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(5, "x"), (7, "y")]


def test_rejects_are_in_the_order_of_the_file() -> None:
    parsed = read(row(9, "1,1,1,1,-1,1"), "x", row(5), row(1, "1,1,1,1,-1,1"))
    assert [reject.line for reject in parsed.rejects] == [1, 2, 4]


@pytest.mark.parametrize("empty", [b"", b"\n", b" \r\n\r\n"])
def test_an_empty_file_is_refused(empty: bytes) -> None:
    assert parse_clean([empty], 1, NOW) is None
    with pytest.raises(BadFileError, match="it is empty"):
        parse_any(empty, 1, NOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"<html>\n<body>Service unavailable</body>\n", "none of its 2 rows is a candle; line 1: 1 column"),
        (b"\x01\x02\x03", "none of its 1 rows is a candle; line 1: 1 column"),
        (b"\xef\xbb\xbf", "none of its 1 rows is a candle"),
        (b"PK\x03\x04\x00\n\x00\xff", "none of its 2 rows is a candle"),
        (",".join(COLUMNS).encode(), "none of its 0 rows is a candle"),
        ("\u00a0".encode(), "none of its 0 rows is a candle"),
        (text_of("1704067200000," + GOOD), "line 1: its time is in milliseconds, not in seconds"),
        (text_of("1704067200.0," + GOOD), "line 1: its time has a decimal point"),
        (text_of(row(0).replace(",", ";")), "line 1: 1 column instead of 7, as if it had ';'"),
        (text_of(row(0, "42284,9,42301,5,42250,0,42299,9,1,25,7")), "line 1: 12 columns .* decimal points were commas"),
        (text_of(row(0)).decode().encode("utf-16"), "its text is UTF-16; save it as UTF-8"),
        (text_of(row(0)).decode().encode("utf-16-le"), "its text is UTF-16; save it as UTF-8"),
    ],
    ids=[
        "error page",
        "control characters",
        "only a byte order mark",
        "zip",
        "only a header",
        "blank",
        "milliseconds",
        "decimal point",
        "semicolons",
        "decimal commas",
        "UTF-16",
        "UTF-16 without a mark",
    ],
)
def test_a_file_without_any_candle_is_refused_with_the_first_reason(text: bytes, message: str) -> None:
    with pytest.raises(BadFileError, match=message):
        parse_any(text, 1, NOW)


# What a bad row speaks of is unknown, and must never be covered (rule 4)


def test_between_the_good_neighbours_of_a_bad_row_every_slot_is_unknown_whatever_its_own_time() -> None:
    """It may be two halves of rows between which others are lost: neither its values nor its time deny that."""
    assert read(row(0), row(3, "1,1,1,1,-1,1"), row(9)).unknown == at(*range(1, 9))
    assert read(row(0), row(3)[:20], row(9)).unknown == at(*range(1, 9))
    assert read(row(0), row(3) + row(7), row(9)).unknown == at(*range(1, 9))
    assert read(row(0), "x", row(4), row(9)).unknown == at(1, 2, 3)
    assert read(row(0), f"{START + 61},{GOOD}", row(4)).unknown == at(1, 2, 3)
    assert read(row(0), "17040", row(4)).unknown == at(1, 2, 3)
    assert read(row(0), "x", "y", row(4)).unknown == at(1, 2, 3)


def test_there_is_nothing_unknown_between_rows_that_touch() -> None:
    assert read(row(0), "x", row(1)).unknown == TimeRanges()


def test_behind_a_file_that_ends_in_a_broken_row_everything_is_unknown() -> None:
    """A file cut short says nothing of what came after, whatever its archive states."""
    assert read(row(0), row(1), row(2)[:7]).unknown == TimeRanges.single(START + 2 * MINUTE, END_OF_TIME)


def test_before_the_first_good_row_of_a_file_that_begins_broken_everything_is_unknown() -> None:
    assert read("x", row(5), row(6)).unknown == TimeRanges.single(0, START + 5 * MINUTE)


def test_a_block_of_zeros_leaves_all_it_may_have_held_unknown() -> None:
    text = bytearray(text_of(*(row(slot) for slot in range(300))))
    start = text.index(row(100).encode()) + 15
    text[start : start + 4096] = bytes(4096)
    parsed = parse_any(bytes(text), 1, NOW)
    missing = set(range(300)) - set(slots(parsed))
    assert len(missing) > 70
    assert parsed.unknown == at(*missing)
    assert len(parsed.rejects) == 1


def test_a_lost_block_leaves_all_it_may_have_held_unknown() -> None:
    text = text_of(*(row(slot) for slot in range(300)))
    start = text.index(row(100).encode()) + 25
    parsed = parse_any(text[:start] + text[start + 4096 :], 1, NOW)
    missing = set(range(300)) - set(slots(parsed))
    assert len(missing) > 70
    assert parsed.unknown == at(*missing)


def test_two_files_glued_without_a_line_end_leave_the_rows_at_the_joint_unknown() -> None:
    text = text_of(row(0), row(1)).rstrip() + text_of(row(5), row(6))
    parsed = parse_any(text, 1, NOW)
    assert slots(parsed) == [0, 6]
    assert parsed.unknown == at(1, 2, 3, 4, 5)


def test_a_file_torn_in_a_row_shows_nothing_behind_the_last_whole_one() -> None:
    """960 of 2,160 hours and 30 characters of the next, of a quarter."""
    text = text_of(*(hour_row(hour) for hour in range(2160)))
    cut = text.index(hour_row(960).encode()) + 30
    parsed = parse_any(text[:cut], 60, NOW)
    assert parsed.candles.height == 960
    assert parsed.unknown == TimeRanges.single(START + 960 * 3600, END_OF_TIME)


@pytest.mark.parametrize(
    ("torn", "few"),
    [
        ("42284.9,42301,.5,42250.0,42299.9,1.25,7", 1),  # its low would be half a dollar
        ("42284.9,42301,5,42250.0,42299.9,1.25,7", 1),  # a comma where the point was
        ("42284.9,42301,.5,42250.0,42299.9,1.25,7", 9),
    ],
)
def test_a_row_with_a_comma_too_many_is_no_row_with_a_vwap(torn: str, few: int) -> None:
    rows = [row(n) for n in range(40)]
    rows[20 : 20 + few] = [row(n, torn) for n in range(20, 20 + few)]
    parsed = parse_any(text_of(*rows), 1, NOW)
    assert parsed.candles.height == 40 - few
    assert {reject.reason for reject in parsed.rejects} == {"8 columns instead of 7: it may have a comma too many"}
    assert parsed.unknown == at(*range(20, 20 + few))


@pytest.mark.parametrize("weighted", ["10,12,9,11,10.5,5,3", "100,110,90,105,99.5,1.5,7", "3.0,3.1,3.0,3.0,3.05,8,2"])
@pytest.mark.parametrize("rows", [1, 40])
def test_a_row_with_a_vwap_is_read_among_others_and_alone(weighted: str, rows: int) -> None:
    """Each of them could be one with a comma too many, of 53 trades or a low of 90.105; it would be no narrower."""
    text = text_of(*(row(n, weighted) for n in range(rows)), *(row(n) for n in range(rows, 45)))
    parsed = parse_any(text, 1, NOW)
    assert (parsed.candles.height, parsed.rejects) == (45, ())
    assert parsed.candles["vwap"].is_not_null().sum() == rows
