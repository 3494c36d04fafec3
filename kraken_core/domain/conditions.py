"""The condition of each day of a series: whether all that was expected of it is there."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.verification.silences import seconds_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kraken_core.domain.market import Series
    from kraken_core.domain.timerange import TimeRanges

    Ints = NDArray[np.int64]

DAY_S = 86_400


class Condition(StrEnum):
    """What a day of a series is fit for."""

    AVAILABLE = "available"  # all expected slots are covered, none is doubtful
    DEGRADED = "degraded"  # some are missing or doubtful
    MISSING = "missing"  # none is covered
    PENDING = "pending"  # the day had not ended as of the last detection, and nothing of it is missing so far


class DayCondition(NamedTuple):
    """A UTC day of a series, by its start (epoch seconds): its condition, and the slots behind it."""

    series: Series
    day: int
    condition: Condition
    expected: int
    missing: int
    doubtful: int


def day_conditions(
    series: Series, expected: TimeRanges, covered: TimeRanges, doubtful: TimeRanges, as_of: int
) -> Iterator[DayCondition]:
    """The days of which anything is expected, in turn. A slot belongs to the day in which it opens."""
    if not expected:
        return
    hull = expected.outer(DAY_S).hull
    days = np.arange(hull.start, hull.end, DAY_S)
    slots, there, unsure = (
        _seconds(ranges, days) // series.width for ranges in (expected, expected & covered, expected & doubtful)
    )
    for day, wanted, known, odd in zip(days.tolist(), slots.tolist(), there.tolist(), unsure.tolist(), strict=True):
        if wanted:
            yield DayCondition(
                series, day, _condition(wanted, known, odd, day + DAY_S > as_of), wanted, wanted - known, odd
            )


def _seconds(ranges: TimeRanges, days: Ints) -> Ints:
    return np.rint(seconds_before(ranges, days + DAY_S) - seconds_before(ranges, days)).astype(np.int64)


def _condition(expected: int, covered: int, doubtful: int, going_on: bool) -> Condition:  # noqa: FBT001 - of four
    if not covered:
        return Condition.MISSING
    if covered < expected or doubtful:
        return Condition.DEGRADED
    return Condition.PENDING if going_on else Condition.AVAILABLE
