"""Reading OHLCVT text: good rows are taken, bad ones set aside with line, text and reason (domain 1.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from kraken_core.domain.ohlcvt import COLUMNS, Reject, parse_any, parse_clean
from kraken_core.domain.timerange import TimeRanges
from tests.ohlcvt_text import CANDLE, GOOD, MINUTE, NOW, START, read, row, slots, takes_the_fast_way, text_of

DUMP = Path(__file__).parents[2] / "../shared/data/dump"


# Files as Kraken writes them


def test_a_file_as_kraken_writes_it_is_read_alike_on_both_ways() -> None:
    text = text_of(row(0), row(1, "42299.9,42299.9,42299.9,42299.9,0.00000001,1"), row(9))
    clean = parse_clean([text], 1, NOW)
    assert clean is not None
    parsed = parse_any(text, 1, NOW)
    assert clean[1] == [3]
    assert_frame_equal(parsed.candles, clean[0], check_exact=True)
    assert parsed.candles.schema == COLUMNS
    assert parsed.candles.row(0) == (START, *CANDLE)
    assert (parsed.rows, parsed.first, parsed.last) == (3, START, START + 9 * MINUTE)
    assert parsed.rejects == ()
    assert parsed.unknown == TimeRanges()


def test_a_valid_file_of_two_rows_and_82_bytes_is_taken() -> None:
    """One tool deleted it as "empty"."""
    text = b"1704067200,2.0,2.1,1.9,2.05,10.525,12\n1704067260,2.05,2.05,2.05,2.05,0.12345678,1\n"
    assert len(text) == 82
    assert takes_the_fast_way(text)
    assert parse_any(text, 1, NOW).candles.height == 2


@pytest.mark.parametrize(
    ("values", "candle"),
    [
        ("1.188e-05,1.19e-05,1.188e-05,1.19e-05,2000000,3", (1.188e-05, 1.19e-05, 1.188e-05, 1.19e-05, 2e6, 3)),
        ("0.65038,0.65038,0.65038,0.65038,1E+1,1", (0.65038, 0.65038, 0.65038, 0.65038, 10.0, 1)),
        ("3,3,3,3,125,2", (3.0, 3.0, 3.0, 3.0, 125.0, 2)),
        ("3.0,3.0,3.0,3.0,3529536.4586280505,2", (3.0, 3.0, 3.0, 3.0, 3529536.4586280505, 2)),
    ],
    ids=["scientific prices", "scientific volume", "integers", "float noise"],
)
def test_numbers_are_read_in_every_notation_kraken_uses(values: str, candle: tuple[float, ...]) -> None:
    text = text_of(row(0, values))
    assert takes_the_fast_way(text)
    assert parse_any(text, 1, NOW).candles.row(0) == (START, *candle)


def test_many_clean_files_are_read_at_once_each_with_its_own_rows() -> None:
    texts = [text_of(row(5), row(6)), text_of(row(0)).rstrip(), text_of(row(7), row(8), row(9))]
    clean = parse_clean(texts, 1, NOW)
    assert clean is not None
    assert clean[1] == [2, 1, 3]
    assert [(time - START) // MINUTE for time in clean[0]["time"]] == [5, 6, 0, 7, 8, 9]


@pytest.mark.parametrize("bad", [text_of(row(3), row(2)), text_of(row(3, "1,1,1,1,0,0")), b"", b"\n", b"\x00\n"])
def test_one_unusual_file_sends_all_of_its_company_the_careful_way(bad: bytes) -> None:
    good = text_of(row(0), row(1))
    assert parse_clean([good, good], 1, NOW) is not None
    for company in ([good, bad], [bad, good], [good, bad, good]):
        assert parse_clean(company, 1, NOW) is None


def test_a_fall_of_time_inside_a_file_is_noticed_among_many() -> None:
    assert parse_clean([text_of(row(0)), text_of(row(4), row(3)), text_of(row(1))], 1, NOW) is None


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ETHUSD_60", "XBTUSD_60", "XBTUSD_720", "XBTCAD_1440"])
def test_published_files_are_read_alike_on_both_ways(name: str) -> None:
    path = DUMP / f"{name}.csv"
    if not path.exists():
        pytest.skip("no published candles here (../shared/data)")
    text, interval = path.read_bytes(), int(name.partition("_")[2])
    clean = parse_clean([text], interval, NOW + 10**8)
    assert clean is not None
    parsed = parse_any(text, interval, NOW + 10**8)
    assert_frame_equal(parsed.candles, clean[0], check_exact=True)
    assert parsed.rows == text.count(b"\n")
    assert (parsed.rejects, parsed.unknown) == ((), TimeRanges())


# Files that others have touched


@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b",", b" , "),
        lambda text: b'"' + text.replace(b",", b'","').replace(b"\n", b'"\n"')[:-1],
        lambda text: text.replace(b"\n", b"\n\n \n"),
        lambda text: b"\n" + text,
        lambda text: text.rstrip(),
        lambda text: b"timestamp,open,high,low,close,volume,trades\n" + text,
        lambda text: b"\xef\xbb\xbfTime (UTC),Open,High,Low,Close,Volume,Count\r\n" + text,
        lambda text: b'"time","open","high","low","close","vwap","volume","trades"\n' + text,
        lambda text: text.replace(b",1.25,", b",42280.1,1.25,"),
    ],
    ids=[
        *("CRLF", "byte order mark", "spaces", "quotes", "blank lines", "blank first line", "no final newline"),
        *("header", "header with the rest of it", "quoted header of the other variant", "vwap before the volume"),
    ],
)
def test_what_people_do_to_files_changes_no_candle(dressed: object) -> None:
    text = text_of(row(0), row(1), row(2))
    assert callable(dressed)
    parsed = parse_any(dressed(text), 1, NOW)
    assert_frame_equal(parsed.candles, parse_any(text, 1, NOW).candles, check_exact=True)
    assert parsed.rejects == ()
    assert parsed.rows == 3
    assert parsed.unknown == TimeRanges()
    clean = parse_clean([dressed(text)], 1, NOW)
    assert clean is None or clean[0].equals(parsed.candles), "the fast way reads something else"


def test_the_variant_with_a_vwap_may_begin_part_way_through_a_file() -> None:
    parsed = read(row(0), row(1, "3.0,3.0,3.0,3.0,2.9,8.0,2"), row(2))
    assert parsed.candles["volume"].to_list() == [1.25, 8.0, 1.25]
    assert parsed.candles["trades"].to_list() == [7, 2, 7]
    assert parsed.rejects == ()
    assert not takes_the_fast_way(text_of(row(0), row(1, "3.0,3.0,3.0,3.0,2.9,8.0,2"), row(2)))


def test_a_header_counts_only_in_the_first_line() -> None:
    header = ",".join(COLUMNS)
    parsed = read(header, row(0), header, row(1))
    assert slots(parsed) == [0, 1]
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(3, header)]


@pytest.mark.parametrize("first", ["garbage", f"garbage,{GOOD}", "time,open,high", f"O{row(0)}", ",,,,,,"])
def test_a_damaged_first_row_is_no_header(first: str) -> None:
    parsed = read(first, row(1))
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(1, first)]


def test_unsorted_rows_are_sorted() -> None:
    parsed = read(row(5), row(1), row(3))
    assert slots(parsed) == [1, 3, 5]
    assert (parsed.first, parsed.last) == (START + MINUTE, START + 5 * MINUTE)
    assert parsed.rejects == ()


@pytest.mark.parametrize("again", [GOOD, "1,1,1,1,1,1"], ids=["equal", "different"])
def test_of_rows_that_repeat_a_slot_the_first_is_taken(again: str) -> None:
    parsed = read(row(0), row(1), row(0, again))
    assert parsed.candles["open"].to_list() == [CANDLE[0], CANDLE[0]]
    assert parsed.rejects == (Reject(3, row(0, again), "its slot was given by an earlier row"),)
    assert parsed.unknown == TimeRanges()
    assert not takes_the_fast_way(text_of(row(0), row(0, again)))


def test_a_bad_row_does_not_take_the_place_of_a_good_one_for_its_slot() -> None:
    parsed = read(row(0, "1,1,1,1,-1,1"), row(0))
    assert slots(parsed) == [0]
    assert [reject.line for reject in parsed.rejects] == [1]
    assert parsed.unknown == TimeRanges()


# Rule 4: rows without a trade are silence, asserted and not stored


def test_rows_without_a_trade_are_silence_and_no_candles() -> None:
    parsed = read(row(0, "2.0,2.0,2.0,2.0,0,0"), row(1), row(2, "2.0,2.0,2.0,2.0,0.0,0"))
    assert slots(parsed) == [1]
    assert (parsed.rows, parsed.rejects, parsed.unknown) == (3, (), TimeRanges())
    assert (parsed.first, parsed.last) == (START, START + 2 * MINUTE), "it knows those slots"


def test_a_file_of_nothing_but_silence_is_no_bad_file() -> None:
    parsed = read(row(0, "2.0,2.0,2.0,2.0,0,0"), row(1, "2.0,2.0,2.0,2.0,0,0"))
    assert parsed.candles.is_empty()
    assert parsed.candles.schema == COLUMNS
    assert (parsed.first, parsed.last) == (START, START + MINUTE)
