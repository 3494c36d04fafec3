"""Domain rule 12: who bears witness that the whole exchange was silent, whatever intervals of it are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import polars as pl
import pytest

from kraken_core.domain.candles import TIME
from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.witnesses import Witnesses
from kraken_core.ports import CandleStore

DAY, HOUR, MINUTE = 86_400, 3600, 60
DAYS = TimeRange(0, 10 * DAY)
SLEPT = TimeRange(5 * DAY + 7 * HOUR, 5 * DAY + 11 * HOUR)
BTC, ETH, XRP, ADA = (Pair(base, "USD") for base in ("BTC", "ETH", "XRP", "ADA"))


class Table:
    """Candles in every slot of each series, but for those that lie in the time its pair did not trade."""

    def __init__(self, silent: Mapping[Pair, TimeRanges]) -> None:
        self.silent = silent

    def candles(self, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
        [(series, asked)] = ranges.items()
        width = series.width
        slots = [slot for start, end in asked for slot in range(start, end, width)]
        traded = [s for s in slots if self.silent[series.pair].clip(s, s + width).seconds < width]
        time = pl.Series("time", [s * 1_000_000 for s in traded], pl.Int64).cast(TIME)
        return pl.DataFrame({"time": time, "trades": pl.Series([width // MINUTE] * len(traded), dtype=pl.Int32)})


def witnesses(stored: Mapping[Series, TimeRange], silent: Mapping[Pair, TimeRanges] | None = None) -> Witnesses:
    """Of a table where every pair trades once a minute, and slept through SLEPT unless said otherwise."""
    asleep = dict.fromkeys({series.pair for series in stored}, TimeRanges.single(*SLEPT)) | dict(silent or {})
    coverage = [DataCoverageRange(series, *span, CoverageSource.CSV, 1) for series, span in stored.items()]
    return Witnesses.of(cast("CandleStore", Table(asleep)), coverage)


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 240])
def test_a_silence_of_the_exchange_is_recognised_wholly_by_witnesses_of_any_interval(interval: int) -> None:
    span = TimeRange(5 * DAY + 4 * HOUR, 5 * DAY + 12 * HOUR) if interval == 240 else SLEPT
    found = witnesses(
        dict.fromkeys([Series(pair, interval) for pair in (BTC, ETH, XRP)], DAYS),
        dict.fromkeys((BTC, ETH, XRP), TimeRanges.single(*span)),
    )
    assert found.asleep(TimeRanges.single(*span)) == TimeRanges.single(*span)


def test_a_pair_is_a_witness_of_a_time_of_which_only_its_coarser_candles_are_stored() -> None:
    """Its minutes are stored too, but of another time."""
    late = TimeRange(8 * DAY, 10 * DAY)
    stored = {Series(pair, 60): DAYS for pair in (BTC, ETH, XRP)} | {Series(pair, 1): late for pair in (BTC, ETH, XRP)}
    assert witnesses(stored).asleep(TimeRanges.single(*SLEPT)) == TimeRanges.single(*SLEPT)


def test_witnesses_of_hours_tell_of_the_whole_hours_of_a_silence_that_minutes_show() -> None:
    span = TimeRange(SLEPT.start - 20 * MINUTE, SLEPT.end + 20 * MINUTE)
    stored = {Series(BTC, 1): DAYS, **{Series(pair, 60): DAYS for pair in (ETH, XRP)}}
    found = witnesses(stored, dict.fromkeys((BTC, ETH, XRP), TimeRanges.single(*span)))
    assert found.asleep(TimeRanges.single(*span)) == TimeRanges.single(*SLEPT)


def test_one_pair_that_traded_is_enough_for_the_exchange_to_have_been_awake() -> None:
    stored = dict.fromkeys([Series(pair, 60) for pair in (BTC, ETH, XRP, ADA)], DAYS)
    found = witnesses(stored, {ADA: TimeRanges()})
    assert not found.asleep(TimeRanges.single(*SLEPT))


def test_two_pairs_are_no_witnesses_of_a_whole_exchange() -> None:
    stored = dict.fromkeys([Series(pair, 60) for pair in (BTC, ETH)], DAYS)
    assert not witnesses(stored).asleep(TimeRanges.single(*SLEPT))
