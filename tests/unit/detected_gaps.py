"""What the detector finds of a few series, for the tests of gaps."""

from __future__ import annotations

from collections.abc import Mapping

from kraken_core.domain.archives import quarter_bounds
from kraken_core.domain.gaps import GapDetection, GapRecord, IntegratedGapDetector
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges

DAY_S = 86_400
START = quarter_bounds(2026, 1)[0]
AS_OF = quarter_bounds(2026, 3)[0] + 12_345  # mid-slot at most intervals
DOLLARS, EUROS, ETHER = Pair("BTC", "USD"), Pair("BTC", "EUR"), Pair("ETH", "USD")
HOUR = Series(DOLLARS, 60)


def detect(
    wanted: Mapping[Series, TimeRanges],
    covered: Mapping[Series, TimeRanges] | None = None,
    derivable: Mapping[Series, TimeRanges] | None = None,
    as_of: int = AS_OF,
) -> GapDetection:
    return IntegratedGapDetector(as_of).detect_gaps_for_job(wanted, covered or {}, derivable or {})


def only_gap(series: Series, start: int, end: int, as_of: int) -> GapRecord:
    """The one gap of a series that wants a range and knows nothing."""
    (gap,) = detect({series: TimeRanges.single(start, end)}, as_of=as_of).gaps
    return gap
