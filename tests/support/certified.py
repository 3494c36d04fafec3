"""Candles to certify, and small changes to them of every kind."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import polars as pl
from hypothesis import strategies as st

from kraken_core.domain.candles import PRICES, SCHEMA
from kraken_core.domain.certificates.candle_hashes import HASHED, month_hashes
from kraken_core.domain.certificates.certificate import Certificate, CertifiedClaim, SeriesCertificate
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges

START = 1_704_067_200  # 2024-01-01
US = 1_000_000
DOUBLES = (*PRICES, "volume")
KINDS = ("time", *DOUBLES, "trades", "one more", "one less")


def candles_of(series: Series, slots: Sequence[int], *, seed: int = 0) -> pl.DataFrame:
    """Candles in these slots since 2024-01-01, with values of their own (columns of HASHED)."""
    first = START // series.width
    values = [0.1 + (slot * 7919 + seed * 104_729) % 10_007 / 8 for slot in slots]
    frame = pl.DataFrame(
        {
            "pair": str(series.pair),
            "interval_minutes": series.interval,
            "time": [(first + slot) * series.width * US for slot in slots],
            **{name: [value + number for value in values] for number, name in enumerate(DOUBLES)},
            "trades": [None if slot % 11 == 5 else slot % 97 + 1 for slot in slots],
        },
        schema_overrides={"trades": pl.Int32, "interval_minutes": pl.Int32},
    )
    return frame.cast({"time": SCHEMA["time"]}).select(HASHED)


@st.composite
def series(draw: st.DrawFn) -> tuple[Series, pl.DataFrame]:
    """A series of some months, dense or sparse, and its candles."""
    of = Series(Pair("BTC", "USD"), draw(st.sampled_from(INTERVALS)))
    slots = draw(st.sets(st.integers(0, 60 * 86_400 // of.width), min_size=2, max_size=60))
    return of, candles_of(of, sorted(slots), seed=draw(st.integers(0, 1000)))


@st.composite
def changed(draw: st.DrawFn, candles: pl.DataFrame, width: int) -> tuple[pl.DataFrame, int]:
    """The candles after the least change: one bit of a value, a row more or less; and the slot (epoch seconds) it hit.

    The sign of a zero is no value of its own, and a time stays within its slot.
    """
    kind, row = draw(st.sampled_from(KINDS)), draw(st.integers(0, candles.height - 1))
    times = candles["time"].to_physical().to_list()
    hit = times[row]
    if kind == "one less":
        rest = [number for number in range(candles.height) if number != row]
        return candles[rest], hit // US
    if kind == "one more":
        free = draw(
            st.integers(0, 50 * 86_400 // width).filter(
                lambda n: START // width * width * US + n * width * US not in times
            )
        )
        more = candles[row].with_columns(
            pl.lit(START // width * width * US + free * width * US).cast(SCHEMA["time"]).alias("time")
        )
        return pl.concat([candles, more]).sort("time"), START // width * width + free * width
    if kind == "time":
        value: object = hit ^ 1 << draw(st.integers(0, 4))
    elif kind == "trades":
        before = candles["trades"][row]
        value = 1 if before is None else before ^ 1 << draw(st.integers(0, 30))
    else:
        value = flipped(candles[kind][row], draw(st.integers(0, 63)))
    column = candles[kind].to_physical().to_list()
    column[row] = value
    kinds = {"time": pl.Int64, "trades": pl.Int32}
    return candles.with_columns(
        pl.Series(kind, column, kinds.get(kind, pl.Float64)).cast(candles.schema[kind])
    ), hit // US


def flipped(value: float, bit: int) -> float:
    """A double with one bit of its 64 turned."""
    [bits] = struct.unpack("<Q", struct.pack("<d", value))
    [other] = struct.unpack("<d", struct.pack("<Q", bits ^ 1 << bit))
    return float(other)


def certificate_of(of: Series, candles: pl.DataFrame) -> Certificate:
    """A certificate of one series, with a gap in the middle of what two files cover."""
    day = 86_400
    months = tuple(month_hashes(candles, of.interval).get(of, ()))
    first, second = TimeRanges.single(START, START + 20 * day), TimeRanges.single(START + 30 * day, START + 60 * day)
    claims = (CertifiedClaim("csv", "ab" * 32, False, first), CertifiedClaim("csv", "cd" * 32, False, second))
    coverage = {Grade.CONFIRMED: first, Grade.CLAIMED: second}
    gaps = TimeRanges.single(START + 20 * day, START + 30 * day)
    span = TimeRange(START, START + 61 * day)
    return Certificate(span, START + 90 * day, "tests 1", (SeriesCertificate(of, coverage, claims, gaps, months),))
