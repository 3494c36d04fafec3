"""Funding rates: what positions of perpetuals pay by the hour, and the hours without one that is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor

HOUR_S = 3_600


class FundingRate(NamedTuple):
    """What a position of a perpetual paid for the time from ``time`` on (epoch seconds), in what it is settled in.

    ``relative`` is the fraction of its value.
    """

    time: int
    absolute: float
    relative: float


class FundingAnswer(NamedTuple):
    """The rates of an answer, by time, at most one an instant, and what was ``skipped``: rows, or what they are of."""

    rates: list[FundingRate]
    skipped: tuple[str, ...] = ()


class FundingRecorded(NamedTuple):
    """How many rates of an answer were new, and how many are others now than were stored."""

    new: int
    changed: int


class FundingUpdate(NamedTuple):
    """What came of requesting the rates of a perpetual; ``problem`` is why they did not come, else "".

    ``skipped`` are those that cannot be read, or contradict one another.
    """

    pair: Pair
    recorded: FundingRecorded
    problem: str = ""
    skipped: tuple[str, ...] = ()


class FundingCoverage(NamedTuple):
    """The rates that are stored of a perpetual: how many, and of which hours between the first and the last none."""

    pair: Pair
    rates: int
    hours: TimeRange
    missing: TimeRanges

    @classmethod
    def of(cls, pair: Pair, times: Iterable[int]) -> FundingCoverage:
        """The coverage by the times of all rates, of which there is one at least."""
        found = sorted(times)
        paid = TimeRanges.of((floor(at, HOUR_S), floor(at, HOUR_S) + HOUR_S) for at in found)
        return cls(pair, len(found), paid.hull, TimeRanges.single(*paid.hull) - paid)
