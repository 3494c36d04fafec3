"""The text of trading-history files: exact to the nanosecond, a bad row costs only itself (domain 1.2)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.exchange import NS
from kraken_core.domain.trades import TRADES
from kraken_core.domain.trading_history import is_trading_history, parse_trades, portions

NOW = 2_000_000_000
T = 1_561_939_203


def rows(text: bytes) -> list[tuple[int, float, Decimal]]:
    return parse_trades(text, 1, NOW).trades.select("time", "price", "volume").rows()


def test_times_are_whole_or_fractional_seconds_and_never_pass_through_a_float() -> None:
    text = b"1561939203,10749.4,0.004\n1561939203.172300001,1e-05,12\n1561939203.5,0.1,1.5e-07\n"
    assert rows(text) == [
        (T * NS, 10749.4, Decimal("0.004")),
        (T * NS + 172_300_001, 1e-05, Decimal(12)),
        (T * NS + 500_000_000, 0.1, Decimal("0.00000015")),
    ]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_text_is_never_unpacked(pack: Callable[[bytes], bytes]) -> None:
    good = b"1561939203,5,0.1\n"
    portion = parse_trades(pack(good * 3) + b"\n" + good, 1, NOW)
    assert portion.trades.height == 1
    assert portion.bad


def test_equal_rows_are_as_many_trades() -> None:
    assert rows(b"1561939203,5,0.1\n" * 3) == [(T * NS, 5.0, Decimal("0.1"))] * 3


@given(st.lists(st.tuples(st.integers(T * NS, NOW * NS - 1), st.integers(1, 10**9), st.integers(0, 10**19))))
def test_what_is_written_is_read_the_fast_way_and_row_by_row(trades: list[tuple[int, int, int]]) -> None:
    trades = sorted(trades, key=lambda trade: trade[0])
    lines = [f"{t // NS}.{t % NS:09},{p},{Decimal(v).scaleb(-8):f}\n" for t, p, v in trades]
    expected = [(t, float(p), Decimal(v).scaleb(-8)) for t, p, v in trades]
    text = "".join(lines).encode()
    slowly = parse_trades(b"time,price,volume\n" + text, 1, NOW)
    assert slowly.trades.schema == TRADES
    assert slowly.trades.select("time", "price", "volume").rows() == expected
    assert slowly.bad == ()
    if trades:
        assert rows(text) == expected
        assert rows(text.replace(b"\n", b"\r\n").rstrip()) == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1561939203,1,2,3", "4 columns instead of 3"),
        (b"1561939203,1", "2 columns instead of 3"),
        (b"garbage", "1 column instead of 3"),
        (b"soon,1,2", "its time is not a number of seconds"),
        (b"1561939203172,1,2", "its time is in milliseconds, not in seconds"),
        (b"1561939203172300.5,1,2", "its time is in microseconds, not in seconds"),
        (b"1561939203172300001,1,2", "its time is in nanoseconds, not in seconds"),
        (b"1561939203;1;2", "1 column instead of 3, as if it had ';' between them"),
        (b"1199999999,1,2", "its time is before Kraken existed"),
        (b"2000000000,1,2", "its time has not come yet"),
        (b"1561939203.5,x,2", "its price is not a number"),
        (b"1561939203,,2", "its price is not a number"),
        (b"1561939203,inf,2", "its price is not finite"),
        (b"1561939203,0,2", "its price is not positive"),
        (b"1561939203,1,nan", "its volume is not a number"),
        (b"1561939203,1,-2", "its volume is negative"),
    ],
)
def test_a_bad_row_is_set_aside_with_line_and_reason_and_the_others_are_taken(row: bytes, reason: str) -> None:
    good = b"1561939200,1,1\n"
    portion = parse_trades(good + b"\n" + good + row + b"\n" + good, 11, NOW)
    assert portion.trades.height == 3
    [(reject, place)] = portion.bad
    assert (reject.line, reject.text, reject.reason) == (14, row.decode(), reason)
    assert place == 2
    assert portion.lines == 5


def test_a_header_is_no_row_on_the_first_line_of_the_file_only() -> None:
    text = b"timestamp,price,volume\n1561939203,1,2\n"
    assert parse_trades(text, 1, NOW).bad == ()
    assert [reject.line for reject, *_ in parse_trades(text, 8, NOW).bad] == [8]


@given(st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\0", b"\n"))))
def test_portions_are_the_same_text_cut_behind_line_ends(pieces: list[bytes]) -> None:
    cut = list(portions(pieces))
    assert b"".join(cut) == b"".join(pieces)
    assert all(portion.endswith(b"\n") for portion in cut[:-1])
    assert all(cut)


def test_a_text_without_line_ends_is_no_text_of_trades() -> None:
    with pytest.raises(BadFileError, match="no text of trades"):
        list(portions([b"x" * (1 << 20)] * 3))


@pytest.mark.parametrize(
    "head",
    [
        *(b"1561939203,1,2\n", b"1561939203.5 , 1e-5,2\r\n1561", b"time,price,volume\n1561939203,1,2"),
        # Refused when they are read, where the reason can be named:
        *(b"1561939203172,1,2\n", b"1561939203;1;2\n", "1561939203,1,2\n".encode("utf-16")),
    ],
)
def test_a_file_of_trades_is_told_by_its_beginning(head: bytes) -> None:
    assert is_trading_history(head)


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"\n\n", b"hello\n", b"a,b,c\n"),
        b"1561939203,1,1,1,1,2,3\n",  # candles
        b"unix,date,symbol\n1561939203,2019-07-01,BTC,1,1\n",
    ],
)
def test_files_of_another_kind_are_told_by_their_beginning(head: bytes) -> None:
    assert not is_trading_history(head)


def test_trades_less_than_a_second_out_of_order_keep_the_order_of_the_file() -> None:
    portion = parse_trades(b"1561939203.9,2,1\n1561939203.1,1,1\n", 1, NOW)
    assert portion.trades["time"].to_list() == [T * NS + 900_000_000, T * NS + 100_000_000]
    assert portion.trades["id"].dtype == pl.Int64
    assert portion.bad == ()


def test_of_two_rows_between_which_time_falls_neither_is_taken() -> None:
    """One of the two has a wrong time; which, nobody knows."""
    times = (T, T + 60, T + 5000, T + 120, T + 180)
    portion = parse_trades("".join(f"{time},1,1\n" for time in times).encode(), 1, NOW)
    assert portion.trades["time"].to_list() == [T * NS, (T + 60) * NS, (T + 180) * NS]
    assert [(reject.line, place) for reject, place in portion.bad] == [(3, 2), (4, 2)]
    assert {reject.reason for reject, _ in portion.bad} == {"its time and that of the row beside it are out of order"}


@pytest.mark.parametrize(
    "header", ["time,volume,price", "volume,price,time", "time,price,amount,volume", "date,price,volume"]
)
def test_a_header_of_another_order_is_refused(header: str) -> None:
    with pytest.raises(BadFileError, match="its header"):
        parse_trades(f"{header}\n1561939203,5,2\n".encode(), 1, NOW)


def test_utf_16_is_refused_by_name() -> None:
    with pytest.raises(BadFileError, match="UTF-16"):
        parse_trades("1561939203,5,2\n".encode("utf-16"), 1, NOW)
