"""What is hashed of candles, byte by byte, and how a differing one is named (docs/guide/certificates.md)."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.certificates import merkle
from kraken_core.domain.certificates.candle_hashes import MonthHash, month_hashes
from kraken_core.domain.certificates.locators import LOCATOR_BYTES, first_difference
from kraken_core.domain.market import Pair, Series
from tests.support.certified import DOUBLES, START, US, candles_of, changed, series

MINUTES = Series(Pair("BTC", "USD"), 1)
HOURS = Series(Pair("BTC", "USD"), 60)
FEBRUARY = 31 * 24  # the number of its first hour


def by_hand(of: Series, month: str, rows: pl.DataFrame) -> str:
    """The hash of a month as the guide says it, one value after the other."""
    text = f"kraken-history candles 1\n{of.pair}\n{of.interval}\n{month}\n{rows.height}\n".encode()
    text += b"".join(struct.pack("<q", time) for time in rows["time"].to_physical())
    for name in DOUBLES:
        text += b"".join(struct.pack("<d", value) for value in rows[name])
    text += b"".join(struct.pack("<i", -1 if trades is None else trades) for trades in rows["trades"])
    return hashlib.sha256(text).hexdigest()


def start_of(month: str) -> int:
    return int(datetime.fromisoformat(f"{month}-01T00:00:00Z").timestamp())


def only(candles: pl.DataFrame, of: Series = HOURS) -> MonthHash:
    [month] = month_hashes(candles, of.interval)[of]
    return month


def test_a_month_is_hashed_as_the_guide_says() -> None:
    candles = candles_of(HOURS, [0, 5, FEBRUARY - 1, FEBRUARY, FEBRUARY + 3])
    january, february = month_hashes(candles, 60)[HOURS]
    assert (january.month, january.candles, february.month, february.candles) == ("2024-01", 3, "2024-02", 2)
    assert january.sha256 == by_hand(HOURS, "2024-01", candles[:3])
    assert february.sha256 == by_hand(HOURS, "2024-02", candles[3:])


def summed(candles: pl.DataFrame, first: int, parts: int) -> bytes:
    """The locators as the guide says them, one candle after the other; minutes from slot ``first`` on."""
    sums = [[0, 0] for _ in range(parts)]
    for row in candles.iter_rows(named=True):
        seconds = int(row["time"].timestamp())
        slot = seconds // 60 - first
        words = [struct.pack("<q", seconds * US), *(struct.pack("<d", row[name]) for name in DOUBLES)]
        words.append(struct.pack("<q", -1 if row["trades"] is None else row["trades"]))
        checksum = 0
        for word in words:
            checksum = (checksum ^ int.from_bytes(word, "little")) * 0x9E3779B97F4A7C15 % 2**64
            checksum ^= checksum >> 32
        part = slot // 1440 if parts > 1 else 0
        sums[part][0] += checksum
        sums[part][1] += checksum * (slot - part * 1440)
    return b"".join(struct.pack("<QQ", *(each % 2**64 for each in pair)) for pair in sums)


@pytest.mark.parametrize(("slots", "parts"), [([3, 1439, 40_000], 1), (range(7, 31 * 1440, 29), 31)])
def test_locators_are_the_sums_that_the_guide_says(slots: Sequence[int], parts: int) -> None:
    """One of a month with few candles, else one a day of minutes."""
    candles = candles_of(MINUTES, slots)
    assert base64.b64decode(only(candles, MINUTES).locators) == summed(candles, START // 60, parts)


@pytest.mark.parametrize("one", [0, 1440, 20_000, 31 * 1440 - 1])
def test_the_candle_that_makes_a_month_one_of_many_candles_is_named(one: int) -> None:
    """One side of the comparison has a locator, the other one has 31 of them."""
    slots = {one, *range(3, 31 * 1440, 31)}
    more, less = (
        base64.b64decode(only(candles_of(MINUTES, sorted(each)), MINUTES).locators) for each in (slots, slots - {one})
    )
    assert (len(more), len(less)) == (31 * LOCATOR_BYTES, LOCATOR_BYTES)
    assert first_difference(more, less) == (0, one)


def test_of_a_day_of_minutes_that_is_another_the_day_is_named() -> None:
    candles = candles_of(MINUTES, range(31 * 1440))
    other = candles.with_columns(close=pl.when(pl.col("time").dt.day() == 9).then(1.5).otherwise("close"))
    found = (base64.b64decode(only(each, MINUTES).locators) for each in (candles, other))
    assert first_difference(*found) == (8 * 1440, None)


def test_minus_zero_is_zero_and_whatever_is_no_number_is_the_one_nan() -> None:
    candles = candles_of(HOURS, [1, 2, 3])
    zeros, minus = (candles.with_columns(volume=pl.lit(zero)) for zero in (0.0, -0.0))
    assert only(zeros) == only(minus)
    [odd] = struct.unpack("<d", bytes.fromhex("010000000000f87f"))  # a NaN too, with other bits
    unknown = [
        candles.with_columns(open=pl.Series([value] * 3, dtype=pl.Float64)) for value in (float("nan"), odd, None)
    ]
    assert len({only(each) for each in unknown}) == 1


def test_trades_that_nobody_counted_are_not_none() -> None:
    unknown, counted = (candles_of(HOURS, [1]).with_columns(trades=pl.lit(n, pl.Int32)) for n in (None, 0))
    assert only(unknown).sha256 != only(counted).sha256


def test_two_series_with_the_same_candles_have_other_hashes() -> None:
    candles = candles_of(HOURS, [1, 2])
    other = Series(Pair("ETH", "USD"), 60)
    both = pl.concat([candles, candles.with_columns(pair=pl.lit("ETH/USD"))])
    found = month_hashes(both, 60)
    assert found[HOURS][0].sha256 != found[other][0].sha256
    assert found[HOURS] == month_hashes(candles, 60)[HOURS]


def test_no_candles_have_no_months() -> None:
    assert month_hashes(candles_of(HOURS, [1]).clear(), 60) == {}


def test_candles_before_1970_are_hashed_too() -> None:
    candles = candles_of(HOURS, [-START // 3600 - 5])
    assert [month.month for month in month_hashes(candles, 60)[HOURS]] == ["1969-12"]


def check_named(data: st.DataObject) -> None:
    """The least change alters the hash of its month and of no other, and the locators name its slot."""
    of, candles = data.draw(series())
    mutated, hit = data.draw(changed(candles, of.width))
    before, after = ({m.month: m for m in month_hashes(each, of.interval)[of]} for each in (candles, mutated))
    [name] = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    one, two = (base64.b64decode(m.locators) if m else b"" for m in (before.get(name), after.get(name)))
    found = first_difference(one, two)
    assert found is not None
    assert found[1] is not None
    assert start_of(name) + found[1] * of.width == hit // of.width * of.width


@given(data=st.data())
def test_one_bit_or_row_is_always_found_and_named(data: st.DataObject) -> None:
    check_named(data)


@pytest.mark.soak
@given(data=st.data())
@settings(max_examples=5000)
def test_one_bit_or_row_is_always_found_and_named_thousands_of_times(data: st.DataObject) -> None:
    check_named(data)


@given(data=st.data())
def test_several_changes_of_a_part_are_named_by_the_part(data: st.DataObject) -> None:
    """Never by a slot that is not among them."""
    of, candles = data.draw(series())
    rows = data.draw(st.sets(st.integers(0, candles.height - 1), min_size=2))
    mutated = candles.with_row_index().with_columns(
        close=pl.when(pl.col("index").is_in(list(rows))).then(pl.col("close") + 1).otherwise("close")
    )
    before, after = (month_hashes(each, of.interval)[of] for each in (candles, mutated.drop("index")))
    times = candles[sorted(rows)].select("time", month=pl.col("time").dt.strftime("%Y-%m"))
    for mine, other in zip(before, after, strict=True):
        found = first_difference(base64.b64decode(mine.locators), base64.b64decode(other.locators))
        if found:
            hit = times.filter(pl.col("month") == mine.month)["time"].dt.epoch("s") - start_of(mine.month)
            assert found[0] == 0
            assert found[1] is None or hit.to_list() == [found[1] * of.width]


def test_the_tree_is_that_of_rfc_6962_over_canonical_json() -> None:
    values = [{"b": 1, "a": "ü"}, [2], "x"]
    texts = [b'{"a":"\\u00fc","b":1}', b"[2]", b'"x"']
    assert [merkle.canonical(value) for value in values] == texts
    one, two, three = (hashlib.sha256(b"\0" + text).digest() for text in texts)
    left = hashlib.sha256(b"\1" + one + two).digest()
    assert merkle.root([merkle.leaf(value) for value in values]) == hashlib.sha256(b"\1" + left + three).hexdigest()
    assert merkle.root([one]) == one.hex()
    assert merkle.seal(values[2]) == hashlib.sha256(b"\2" + texts[2]).hexdigest()
