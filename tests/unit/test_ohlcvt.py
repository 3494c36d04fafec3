"""Reading OHLCVT text: good rows are taken, bad ones set aside with line, text and reason (domain 1.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.ohlcvt import COLUMNS, parse_any, parse_clean
from kraken_core.domain.timerange import TimeRanges
from tests.support.ohlcvt_text import (
    CANDLE,
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
    texts = [text_of(row(5), row(6)), text_of(row(0)), text_of(row(7), row(8), row(9))]
    clean = parse_clean(texts, 1, NOW)
    assert clean is not None
    assert clean[1] == [2, 1, 3]
    assert [(time - START) // MINUTE for time in clean[0]["time"]] == [5, 6, 0, 7, 8, 9]


@pytest.mark.parametrize(
    "bad", [text_of(row(3), row(2)), text_of(row(3)).rstrip(), text_of(row(3, "1,1,1,1,0,0")), b"", b"\n", b"\x00\n"]
)
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
        lambda text: b"timestamp,open,high,low,close,volume,trades\n" + text,
        lambda text: b"\xef\xbb\xbfTime (UTC),Open,High,Low,Close,Volume,Count\r\n" + text,
        lambda text: b'"time","open","high","low","close","volume","trades"\n' + text,
        lambda text: text.replace(b",1.25,", b",42280.1,1.25,"),
        lambda text: text.replace(b",7\n", b",7.0,\n"),
        lambda text: b"Open time,Open,High,Low,Close,Volume,Number of trades,\n" + text.replace(b"\n", b",\n"),
        lambda text: b"".join(reversed(text.splitlines(keepends=True))),
        lambda text: text + text.splitlines(keepends=True)[-1],
        lambda text: text + text,
    ],
    ids=[
        *("CRLF", "byte order mark", "spaces", "quotes", "blank lines", "blank first line"),
        *("header", "header with the rest of it", "quoted header", "vwap before the volume"),
        *("count as 7.0 and a comma behind it", "header and rows that end in a comma", "newest first", "repeated row"),
        "repeated file",
    ],
)
def test_what_people_do_to_files_changes_no_candle(dressed: object) -> None:
    text = text_of(row(0), row(1), row(2))
    assert callable(dressed)
    parsed = parse_any(dressed(text), 1, NOW)
    assert_frame_equal(parsed.candles.select(*COLUMNS), parse_any(text, 1, NOW).candles, check_exact=True)
    assert parsed.rejects == ()
    assert parsed.unknown == TimeRanges()
    clean = parse_clean([dressed(text)], 1, NOW)
    assert clean is None or clean[0].equals(parsed.candles), "the fast way reads something else"


def test_the_variant_with_a_vwap_may_begin_part_way_through_a_file() -> None:
    parsed = read(row(0), row(1, "3.0,3.1,3.0,3.0,3.05,8.0,2"), row(2))
    assert parsed.candles["volume"].to_list() == [1.25, 8.0, 1.25]
    assert parsed.candles["trades"].to_list() == [7, 2, 7]
    assert parsed.candles["vwap"].to_list() == [None, 3.05, None]
    assert parsed.rejects == ()
    assert not takes_the_fast_way(text_of(row(0), row(1, "3.0,3.1,3.0,3.0,3.05,8.0,2"), row(2)))


def test_a_header_counts_only_in_the_first_line() -> None:
    header = ",".join(COLUMNS)
    parsed = read(header, row(0), header, row(1))
    assert slots(parsed) == [0, 1]
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(3, header)]


@pytest.mark.parametrize("first", ["garbage", f"garbage,{GOOD}", "time,open,high", f"O{row(0)}", ",,,,,,"])
def test_a_damaged_first_row_is_no_header(first: str) -> None:
    parsed = read(first, row(1))
    assert [(reject.line, reject.text) for reject in parsed.rejects] == [(1, first)]


# Columns (domain 1.1): a header is obeyed or the file refused; an eighth column is a vwap or nothing


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("timestamp,open,high,low,close,volume,vwap,trades", "10,12,9,11,5.5,10.5,3"),
        ("timestamp,open,high,low,close,trades,volume", "10,12,9,11,3,5.5"),
        ("timestamp,close,low,high,open,volume,trades", "11,9,12,10,5.5,3"),
        ("Open time,Open,High,Low,Close,Volume,Close time,Quote volume,Number of trades", "10,12,9,11,5.5,1,2,3"),
        ("timestamp,open,high,low,close,volume,trades,", "10,12,9,11,5.5,3,"),
    ],
)
def test_a_header_that_names_another_order_is_obeyed(header: str, values: str) -> None:
    parsed = read(header, row(0, values))
    assert parsed.candles.select(*COLUMNS).row(0) == (START, 10.0, 12.0, 9.0, 11.0, 5.5, 3)
    assert parsed.candles["vwap"].to_list() == [10.5] if "vwap" in header else parsed.candles.columns == [*COLUMNS]
    assert (parsed.rows, parsed.rejects, parsed.unknown) == (1, (), TimeRanges())


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("unix,date,symbol,open,high,low,close,Volume BTC,Volume USD", "names no column as volume"),
        ("timestamp,open,high,low,close,volume", "names no column as trades"),
        ("time,timestamp,open,high,low,close,volume,trades", "names more than one column as time"),
    ],
)
def test_a_file_with_a_header_that_cannot_be_obeyed_is_refused(header: str, why: str) -> None:
    with pytest.raises(BadFileError, match=why):
        read(header, row(0))


def test_a_second_header_of_another_order_refuses_the_file() -> None:
    with pytest.raises(BadFileError, match="line 2 names the columns in another order"):
        read(row(0), "time,open,high,low,close,trades,volume", row(1))


def test_rows_of_another_width_than_the_header_says_are_set_aside() -> None:
    parsed = read("timestamp,open,high,low,close,volume,vwap,trades", row(0, "10,12,9,11,5.5,10.5,3"), row(1))
    assert slots(parsed) == [0]
    assert [reject.reason for reject in parsed.rejects] == ["7 columns instead of 8"]


def test_an_eighth_column_is_a_vwap_only_if_it_lies_within_low_and_high() -> None:
    """Here the vwap is behind the volume: taken for one, each volume would be wrong."""
    rows = [row(n, f"10,12,9,11,{n + 20}.5,10.5,3") for n in range(40)]
    with pytest.raises(BadFileError, match="the sixth is not a vwap: it lies outside of low and high"):
        read(*rows)


@pytest.mark.parametrize("header", ["Time,Open,High,Low,Close,Weighted_Price,Volume,Trades", None])
def test_a_vwap_is_read_where_it_lies_within_low_and_high(header: str | None) -> None:
    """Under a name of its own one that does not is left out; without a name its whole row is not believed."""
    rows = [row(n, "10,12,9,11,10.5,5.5,3") for n in range(40)]
    rows[7] = row(7, "10,12,9,11,12.5,5.5,3")
    parsed = read(*([header] if header else []), *rows)
    others = [10.5] * 7, [10.5] * 32
    assert parsed.candles["vwap"].to_list() == [*others[0], *([None] if header else []), *others[1]]


def test_one_damaged_vwap_costs_its_own_row_and_a_row_without_trades_none() -> None:
    rows = [row(n, "10,12,9,11,10.5,5.5,3") for n in range(40)]
    rows[7], rows[8] = row(7, "10,12,9,11,105,5.5,3"), row(8, "11,11,11,11,0,0,0")
    parsed = read(*rows)
    assert [reject.line for reject in parsed.rejects] == [8]
    assert parsed.candles["volume"].to_list() == [5.5] * 38
    assert parsed.unknown == at(7)


def test_counts_and_volumes_that_are_swapped_throughout_refuse_the_file() -> None:
    """Else the few rows of whole volumes would be taken, wrongly."""
    rows = [row(n, f"10,12,9,11,3,{volume}") for n, volume in enumerate(["5", "2.5", "0.1", "7.25"])]
    with pytest.raises(BadFileError, match="their columns are in another order"):
        read(*rows)


# The interval of a file's name (domain rule 4)


def test_a_file_of_minutes_that_is_called_one_of_hours_is_refused() -> None:
    """240 of its rows open hours, and would be taken for them."""
    text = text_of(*(row(minute) for minute in range(4 * 60)))
    with pytest.raises(BadFileError, match="finer interval than the 1h in its name: 236 of 240 open inside"):
        parse_any(text, 60, NOW)
    assert parse_clean([text], 60, NOW) is None
    two = text_of(row(0), row(30))
    with pytest.raises(BadFileError, match="1 of 2 open inside"):
        parse_any(two, 60, NOW)


def test_a_damaged_time_among_many_is_no_other_interval() -> None:
    rows = [hour_row(hour) for hour in range(10)]
    rows[4] = f"{START + 4 * 3600 + 60},{GOOD}"
    parsed = parse_any(text_of(*rows), 60, NOW)
    assert [reject.reason for reject in parsed.rejects] == ["its time is not the start of a 1h slot"]


def test_a_file_of_hours_that_is_called_one_of_minutes_is_refused() -> None:
    text = text_of(*(hour_row(hour) for hour in range(48)))
    assert parse_clean([text], 1, NOW) is None
    message = r"1h candles, not 1m ones as in its name: all 48 open at the start .* \(1 in 10\^85 by chance\)"
    with pytest.raises(BadFileError, match=message):
        parse_any(text, 1, NOW)


@pytest.mark.real_data
def test_published_hours_are_no_minutes_and_published_days_are_no_half_days() -> None:
    if not DUMP.exists():
        pytest.skip("no published candles here (../shared/data)")
    for name, wrong in (("XBTUSD_60", 1), ("XBTUSD_60", 30), ("XBTUSD_1440", 720), ("XBTCAD_1440", 60)):
        with pytest.raises(BadFileError, match=r"its rows are \d+[mhd] candles, not"):
            parse_any((DUMP / f"{name}.csv").read_bytes(), wrong, NOW + 10**8)
    for name, wrong in (("XBTUSD_60", 240), ("XBTUSD_720", 1440)):
        with pytest.raises(BadFileError, match="its rows are of a finer interval"):
            parse_any((DUMP / f"{name}.csv").read_bytes(), wrong, NOW + 10**8)


@pytest.mark.parametrize("rows", [5, 500], ids=["few rows", "one trade each, by the clock"])
def test_a_sparse_pair_may_have_the_same_bytes_at_two_intervals(rows: int) -> None:
    values = "3,3,3,3,0.5,1" if rows > 5 else GOOD
    text = text_of(*(hour_row(hour, values) for hour in range(rows)))
    for interval in (1, 5, 15, 30, 60):
        assert takes_the_fast_way(text, interval)
        assert parse_any(text, interval, NOW).rejects == ()


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
