"""Whatever the damage to OHLCVT text: each row is taken as it stands or set aside, and nothing lost is believed."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.ohlcvt import parse_any, parse_clean
from tests.support.ohlcvt_text import (
    MINUTE,
    NOW,
    START,
    read,
    row,
    slots,
    takes_the_fast_way,
    text_of,
)
from tests.support.ranges import from_slots

FIELDS = ("", "nan", "-1", "0", "1e400", "x", "12", "1.5", "1E-3", "\x00", "\x01", '"', "-0.0", "1_000", "0x1F")
TOKENS = st.sampled_from(FIELDS) | st.text(st.sampled_from("0123456789.,eE+- \t\r\"'\x00\x01xé"), max_size=6)


class Judged(NamedTuple):
    """What a plain reading of one line says: its time where it has one, its candle where it is good."""

    time: int | None
    values: tuple[float, ...] | None


def judge(line: str) -> Judged:
    """One row, read the plain way."""
    fields = [field.strip(" \t\r\"'\ufeff") for field in line.split(",")]
    if len(fields) > 7 and not fields[-1]:
        del fields[-1]
    time = int(fields[0]) if re.fullmatch(r"[+-]?[0-9]{1,18}", fields[0]) else None
    if len(fields) == 8:
        return Judged(time, None)  # whether there is a vwap is another test's
    number = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    if len(fields) != 7 or time is None or not all(re.fullmatch(number, field) for field in fields[1:6]):
        return Judged(time, None)
    if not re.fullmatch(number, fields[6]) or not float(fields[6]).is_integer():
        return Judged(time, None)
    first, high, low, last, volume = values = tuple(float(field) for field in fields[1:6])
    trades = int(float(fields[6]))
    good = (
        time % MINUTE == 0
        and 1_300_000_000 <= time <= NOW - MINUTE
        and all(map(math.isfinite, values))
        and min(first, high, low, last) > 0
        and high == max(first, high, low, last)
        and low == min(first, high, low, last)
        and (trades > 0 < volume or trades == 0 == volume)
        and trades < 1 << 31
    )
    return Judged(time, (*values, trades) if good else None)


@st.composite
def damaged_files(draw: st.DrawFn) -> list[str]:
    """Rows of a good file, some of which were cut, overwritten, swapped, repeated or made up."""
    lines = [row(slot) for slot in sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=12)))]
    for number in draw(st.lists(st.integers(0, len(lines) - 1), max_size=4)):
        line = lines[number]
        match draw(st.sampled_from(["cut", "field", "inside", "swap", "repeat", "insert"])):
            case "cut":
                lines[number] = line[: draw(st.integers(0, len(line)))]
            case "field":
                fields = line.split(",")
                fields[draw(st.integers(0, len(fields) - 1))] = draw(TOKENS)
                lines[number] = ",".join(fields)
            case "inside":
                place = draw(st.integers(0, len(line)))
                lines[number] = line[:place] + draw(TOKENS) + line[place + draw(st.integers(0, 3)) :]
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[number], lines[other] = lines[other], lines[number]
            case "repeat":
                lines.insert(draw(st.integers(0, len(lines))), line)
            case _:
                lines.insert(draw(st.integers(0, len(lines))), draw(TOKENS))
    return lines


def taken_of(lines: Sequence[str]) -> dict[int, tuple[int, tuple[float, ...]]]:
    """By line number, the rows that are sure: their time and values."""
    good = {n: (j.time, j.values) for n, j in enumerate(map(judge, lines), start=1) if j.time and j.values}
    values: dict[int, set[tuple[float, ...]]] = {}
    for time, said in good.values():
        values.setdefault(time, set()).add(said)
    sure = {n: row for n, row in good.items() if len(values[row[0]]) == 1}
    times = [time for time, _ in sure.values()]
    whole = len(sure) == sum(bool(line.strip()) for line in lines)
    if whole and len(times) > 2 and times == sorted(times, reverse=True):
        return sure
    falls = {
        n
        for (one, (before, _)), (other, (after, _)) in pairwise(sure.items())
        if after < before and times.count(before) == times.count(after) == 1
        for n in (one, other)
    }
    return {n: row for n, row in sure.items() if n not in falls}


@given(damaged_files())
def test_whatever_the_damage_every_row_is_taken_as_it_stands_or_set_aside(lines: list[str]) -> None:
    taken = taken_of(lines)
    bad = [(n, line.rstrip("\r")) for n, line in enumerate(lines, start=1) if line.strip() and n not in taken]
    text = text_of(*lines)
    counts = sum("count of trades" in reason_of(line) for line in lines)
    if not taken or counts > len(taken):
        with pytest.raises(BadFileError):
            parse_any(text, 1, NOW)
        return
    parsed = parse_any(text, 1, NOW)
    candles = dict(taken.values())
    traded = [(time, *values) for time, values in sorted(candles.items()) if values[-1]]
    assert parsed.candles.rows() == traded
    assert [(reject.line, reject.text.rstrip("\r")) for reject in parsed.rejects] == bad
    assert all(reject.reason for reject in parsed.rejects)
    assert parsed.rows == len(taken) + len(bad)
    assert (parsed.first, parsed.last) == (min(candles), max(candles))
    contested = {judge(line).time for _, line in bad}
    in_order = all(one <= other for (one, _), (other, _) in pairwise(taken.values()))
    assert not in_order or not parsed.unknown & from_slots(candles.keys() - contested, MINUTE)
    clean = parse_clean([text], 1, NOW)
    assert clean is None or clean[0].rows() == traded, "the fast way reads something else"


def reason_of(line: str) -> str:
    """Why a row by itself is none, as is told of it beside a good one."""
    return "".join(reject.reason for reject in read(row(-9), line).rejects)


TAPE = range(60)


@st.composite
def mistreated(draw: st.DrawFn) -> tuple[set[int], bytes]:
    """The slots that were traded, and what is left of their file: every loss leaves a trace in it."""
    traded = sorted(draw(st.sets(st.sampled_from(TAPE), min_size=4)))
    lines = [row(slot, true_values(slot)) for slot in traded]
    # A row that was moved, or has a rival, and is lost then leaves no trace.
    kinds = draw(st.sampled_from([("zeroed", "lost", "repeated"), ("moved", "turned", "repeated", "differing")]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(lines) - 1))
        end = draw(st.integers(start + 1, len(lines)))
        match draw(st.sampled_from(kinds)):
            case "zeroed":
                lines[start:end] = [lines[start][: draw(st.integers(0, 40))] + "\0" * 50]
            case "lost":
                lines[start:end] = [lines[start][:30] + lines[end - 1][8:]]
            case "moved":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(start))
            case "turned":
                lines = lines[start:] + lines[:start]
            case "repeated":
                lines[end:end] = lines[start:end]
            case _:
                lines[end:end] = [line[:-1] + "99" for line in lines[start:end]]
    text = text_of(*lines)
    return set(traded), text[: len(text) - draw(st.integers(0, 8))]


def true_values(slot: int) -> str:
    """Of each slot others."""
    return f"42284.9,42301.5,42250.0,42299.9,1.25,{slot + 700}"


@settings(max_examples=100)
@given(mistreated())
def test_a_file_is_never_believed_to_show_what_it_lost(tape_and_text: tuple[set[int], bytes]) -> None:
    believed_as_it_is(*tape_and_text)


@pytest.mark.soak
@given(mistreated())
def test_none_of_thousands_of_files_is_believed_to_show_what_it_lost(tape_and_text: tuple[set[int], bytes]) -> None:
    believed_as_it_is(*tape_and_text)


def believed_as_it_is(traded: set[int], text: bytes) -> None:
    """Its slots are as they were traded, or unknown: none is silent that was not, none has a wrong candle."""
    try:
        parsed = parse_any(text, 1, NOW)
    except BadFileError:
        return
    candles = dict(zip(parsed.candles["time"], parsed.candles["trades"], strict=True))
    for slot in range(TAPE.start - 5, TAPE.stop + 5):
        time = START + slot * MINUTE
        if time not in parsed.unknown:
            assert candles.get(time) == (slot + 700 if slot in traded else None), slot


PACKED = {
    "zlib": zlib.compress(text_of(row(0))),
    "gzip": gzip.compress(text_of(row(0)), mtime=0),  # else it names the second
    "zlib, fast": b"x\x01\x80",
    "zlib, usual": b"x^",
    "zstd": b"(\xb5/\xfd",
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_a_file_is_never_unpacked_whatever_it_begins_with(packed: bytes) -> None:
    """Whoever reads a few bytes of an archive must not get what fills the memory."""
    assert parse_clean([packed + b"\n"], 1, NOW) is None
    with pytest.raises(BadFileError, match="none of its"):
        parse_any(packed, 1, NOW)
    assert slots(parse_any(packed + b"\n" + text_of(row(1)), 1, NOW)) == [1]


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_reading(text: bytes) -> None:
    good = text_of(row(0))
    parsed = parse_any(good + text + b"\n" + text_of(row(1)), 1, NOW)
    assert {0, 1} <= set(slots(parsed))
    try:
        parse_any(text, 1, NOW)
    except BadFileError:
        assert not takes_the_fast_way(text)
