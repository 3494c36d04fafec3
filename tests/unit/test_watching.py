"""Domain rule 12: at which interval of a pair its silences are judged."""

from __future__ import annotations

import numpy as np

from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.watching import Traded, traded_by_pair, traded_ranges

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
DAY = 86_400


def days(*spans: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((start * DAY, end * DAY) for start, end in spans)


def test_a_finer_interval_that_traded_explains_the_silences_of_coarser_ones() -> None:
    minutes = days((0, 4))
    pair = Traded({1: minutes, 60: days((0, 6)), 1440: days((2, 8))}, {1: minutes, 60: days((0, 6))})
    assert pair.watched == {1: minutes, 60: days((4, 6)), 1440: days((6, 8))}


def test_one_that_is_covered_and_never_traded_explains_nothing() -> None:
    """As an archive without a file of the pair covers intervals that were never read."""
    pair = Traded({1: days((3, 6)), 60: days((0, 6))}, {60: days((0, 6))})
    assert pair.watched == {1: days((3, 6)), 60: days((0, 6))}


def test_only_whole_slots_are_left() -> None:
    half = TimeRanges.single(0, DAY // 2)
    assert Traded({1: half, 1440: days((0, 2))}, {1: half}).watched[1440] == days((1, 2))


def test_a_covered_range_traded_where_any_candle_opens_in_it() -> None:
    covered = days((0, 2), (3, 5), (6, 8))
    assert traded_ranges(covered, np.array([2 * DAY, 3 * DAY, 8 * DAY - 60])) == days((3, 5), (6, 8))
    assert traded_ranges(covered, np.array([], dtype=np.int64)) == TimeRanges()


def test_ranges_that_touch_traded_together_whatever_their_sources_and_grades() -> None:
    minutes = Series(BTC, 1)

    def known(series: Series, start: int, end: int, candles: int, grade: Grade = Grade.CLAIMED) -> DataCoverageRange:
        return DataCoverageRange(series, start * DAY, end * DAY, CoverageSource.CSV, candles, grade)

    found = traded_by_pair(
        [
            known(Series(ETH, 60), 0, 3, 0),
            known(minutes, 0, 2, 0, Grade.DOUBTFUL),
            known(minutes, 2, 4, 9),
            known(minutes, 6, 8, 0),
        ]
    )
    assert found == {
        BTC: Traded({1: days((0, 4), (6, 8))}, {1: days((0, 4))}),
        ETH: Traded({60: days((0, 3))}, {60: TimeRanges()}),
    }
