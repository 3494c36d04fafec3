"""Silences: what explains that nothing traded, and when it is suspicious (domain rule 12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.frame import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from kraken_core.domain.market import Pair, Series

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

SUSPICIOUS = 20  # expected trades: the chance that so many fail to come is 2e-9
SHORTEST_S = 300  # of a silence of the exchange: the shortest maintenance took 8 minutes
WITNESSES = 3  # pairs without trades at once before the whole exchange is taken to have had none
_DAY_S = 86_400
_MINUTE_S = 60

# Known silences of the whole exchange (domain 1.4): start, minutes.
_KNOWN = (
    ("2017-12-10T06:00", 120),
    ("2018-01-11T05:00", 43 * 60),  # an upgrade
    ("2019-07-14T22:00", 180),
    ("2021-07-22T22:00", 240),
    ("2024-04-14T04:00", 240),
    ("2025-01-23T19:08", 28),
    ("2025-01-25T14:38", 208),
    ("2025-08-28T07:01", 59),
    ("2025-08-28T08:09", 116),
    ("2025-11-01T15:02", 404),
    ("2025-11-19T03:07", 54),
    ("2025-11-19T04:33", 44),
)


def _known() -> TimeRanges:
    starts = [int(np.datetime64(start, "s").astype(np.int64)) for start, _ in _KNOWN]
    return TimeRanges.of(
        (start, start + minutes * _MINUTE_S) for start, (_, minutes) in zip(starts, _KNOWN, strict=True)
    )


KNOWN_SILENCES = _known()
_NONE_KNOWN = TimeRanges()


def known_silences(pair: Pair) -> TimeRanges:
    """The known silences of the exchange of a pair: those of Kraken spot say nothing of others."""
    return _NONE_KNOWN if pair.market else KNOWN_SILENCES


class Silence(NamedTuple):
    """A span of a series in which nothing traded, epoch seconds, and how many trades were to be expected in it."""

    series: Series
    start: int
    end: int
    expected: float

    def without(self, asleep: TimeRanges) -> Silence:
        """The same, when nothing is expected of some of its time."""
        slept = asleep.clip(self.start, self.end).seconds
        return self._replace(expected=self.expected * (1 - slept / (self.end - self.start)))


def silent_runs(opens: Ints, known: TimeRanges, width: int) -> tuple[Ints, Ints]:
    """Starts and ends of what lies between candles, in known ranges; all candles (opens, ascending) are in them."""
    bounds = np.array(known.bounds, dtype=np.int64)
    # Starts and ends take turns, so that the n-th of one belongs to the n-th of the other.
    starts, ends = np.sort(np.append(bounds[::2], opens + width)), np.sort(np.append(opens, bounds[1::2]))
    runs = starts < ends
    return starts[runs], ends[runs]


@dataclass(frozen=True, slots=True)
class Activity:
    """What a series traded: opens of its candles (ascending, epoch seconds), their trades, and what is known of it."""

    opens: Ints
    trades: Ints
    known: TimeRanges

    def silent(self, watched: TimeRanges, width: int) -> tuple[Ints, Ints]:
        """Starts and ends of what lies between candles, in watched ranges of what is known."""
        return silent_runs(self.opens[inside(self.opens, watched)], watched, width)

    def expected(self, starts: Ints, ends: Ints, asleep: TimeRanges) -> Floats:
        """How many trades to expect in spans, by the rate in as much time before and behind each, a day at least.

        Nothing is expected while the exchange was ``asleep``.
        """
        reach = np.maximum(ends - starts, _DAY_S)
        awake = self.known - asleep
        total = np.append(0, np.cumsum(self.trades))

        def traded(until: Ints) -> Floats:
            trades: Floats = total[np.searchsorted(self.opens, until)].astype(np.float64)
            return trades

        def waking(until: Ints) -> Floats:
            return seconds_before(awake, until)

        def around(before: Callable[[Ints], Floats]) -> Floats:
            return before(starts) - before(starts - reach) + before(ends + reach) - before(ends)

        rate = around(traded) / np.maximum(around(waking), 1)
        return rate * (waking(ends) - waking(starts))


def slept(expected: Collection[float]) -> bool:
    """Whether a span without any trade was a silence of the whole exchange, by the trades expected of each pair.

    That takes several pairs, and enough trades without the busiest one: its own file may be what is wrong.
    """
    return len(expected) >= WITNESSES and sum(expected) - max(expected) >= SUSPICIOUS


def unexplained(silences: Iterable[Silence], asleep: TimeRanges) -> list[Silence]:
    """Those that are suspicious still when the whole exchange was ``asleep`` then, the least expected first."""
    awake = (silence.without(asleep) if asleep.meets(*silence[1:3]) else silence for silence in silences)
    return sorted((s for s in awake if s.expected >= SUSPICIOUS), key=lambda s: (-s.expected, s))


def seconds_before(ranges: TimeRanges, instants: Ints) -> Floats:
    """How many seconds of the ranges lie before each instant."""
    bounds = np.array(ranges.bounds or (0, 0), dtype=np.int64)
    lengths = np.diff(bounds)
    lengths[1::2] = 0
    seconds: Floats = np.interp(instants, bounds, np.append(0, np.cumsum(lengths)))
    return seconds
