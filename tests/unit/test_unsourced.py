"""Series that are expected though no source has any of their candles."""

from __future__ import annotations

import pytest

from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.unsourced import unsourced

BTC, CAD = Pair("BTC", "USD"), Pair("BTC", "CAD")
DAYS = TimeRanges.single(0, 10 * 86_400)


def expected(*pairs: Pair, intervals: tuple[int, ...] = INTERVALS) -> dict[Series, TimeRanges]:
    return {Series(pair, interval): DAYS for pair in pairs for interval in intervals}


def test_an_interval_that_no_source_has_is_named_with_what_it_would_make_missing() -> None:
    note = unsourced(expected(BTC, CAD, intervals=(1, 60)), [Series(BTC, 60), Series(CAD, 60)])
    assert note.startswith("No source here has candles of 1m of 2 pairs (28,800 candles expected): these will count")
    assert "kraken-history expect --drop" in note


def test_an_interval_that_one_pair_lacks_is_named_for_that_pair() -> None:
    note = unsourced(expected(BTC, CAD, intervals=(1,)), [Series(BTC, 1)])
    assert "1m of 1 pair (14,400 candles expected)" in note


def test_what_can_be_derived_has_a_source() -> None:
    assert unsourced(expected(BTC), [Series(BTC, 1)]) == ""


@pytest.mark.parametrize("sourced", [[], [Series(BTC, 5)]])
def test_nothing_is_said_where_there_is_no_source_at_all_or_most_has_one(sourced: list[Series]) -> None:
    assert unsourced(expected(BTC, intervals=(5, 60)), sourced) == ""
