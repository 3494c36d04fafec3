from __future__ import annotations

import pytest

from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.market import Pair, Series
from kraken_core.workbench.queries.gates import ages_of, check_age

BTC_USD, ETH_USD = Pair("BTC", "USD"), Pair("ETH", "USD")
HOUR, DAY = 3600, 86_400


def covered(series: Series, end: int) -> DataCoverageRange:
    return DataCoverageRange(series, 0, end, CoverageSource.CSV, 1)


def test_the_age_is_counted_from_the_last_slot_that_has_closed() -> None:
    days = Series(BTC_USD, 1440)
    current = [covered(days, 10 * DAY)]
    assert ages_of(current, {BTC_USD}, 10 * DAY) == {days: 0}
    assert ages_of(current, {BTC_USD}, 11 * DAY - 1) == {days: 0}  # the eleventh day has not closed
    assert ages_of(current, {BTC_USD}, 11 * DAY) == {days: DAY}


def test_the_newest_range_tells_and_a_pair_that_left_does_not_age() -> None:
    hours, left = Series(BTC_USD, 60), Series(ETH_USD, 60)
    known = [covered(hours, 5 * HOUR), covered(hours, 9 * HOUR), covered(left, HOUR)]
    assert ages_of(known, {BTC_USD}, 10 * HOUR) == {hours: HOUR}


def test_as_old_as_allowed_is_not_too_old() -> None:
    hours = Series(BTC_USD, 60)
    check_age({hours: 2 * HOUR}, 2 * HOUR)
    with pytest.raises(IncompleteError, match=r"older than 2 h: BTC/USD 1h \(3 h\)"):
        check_age({hours: 3 * HOUR}, 2 * HOUR)
