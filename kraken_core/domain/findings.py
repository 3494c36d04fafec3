"""What comparing a series with others found: where they agree, where not, and which silences are suspicious."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTHING = TimeRanges()
_NO_RANGES: Mapping[int, TimeRanges] = {}


class Doubt(NamedTuple):
    """A span of a series whose silence is suspicious, epoch seconds, and why: for people."""

    start: int
    end: int
    reason: str


class Findings(NamedTuple):
    """What holding a series against others showed.

    ``agreed`` are slots in which the candles of a finer interval, of another file, agree; by that interval
    (minutes). ``disagreed`` are those in which the candles of a finer interval have other values. ``doubts`` are spans
    whose silence is suspicious, ``asleep`` those that would be if the whole exchange had had trades then, by what was
    stored of other pairs: both are judged again when that changes.
    """

    agreed: Mapping[int, TimeRanges] = {}
    doubts: tuple[Doubt, ...] = ()
    asleep: tuple[Doubt, ...] = ()
    disagreed: Mapping[int, TimeRanges] = {}

    def compared(
        self, slots: TimeRanges, agreed: Mapping[int, TimeRanges], disagreed: Mapping[int, TimeRanges] = _NO_RANGES
    ) -> Findings:
        """The same once slots were compared again: of these only what agreed or disagreed now does."""

        def found(before: Mapping[int, TimeRanges], now: Mapping[int, TimeRanges]) -> dict[int, TimeRanges]:
            finer = sorted({*before, *now})
            both = ((each, (before.get(each, _NOTHING) - slots) | now.get(each, _NOTHING)) for each in finer)
            return {each: ranges for each, ranges in both if ranges}

        return self._replace(agreed=found(self.agreed, agreed), disagreed=found(self.disagreed, disagreed))

    def watched(self, within: TimeRanges, doubts: Iterable[Doubt], asleep: Iterable[Doubt] = ()) -> Findings:
        """The same once silences were judged again: of those that reach into it, only what was found now counts."""

        def judged(before: Iterable[Doubt], now: Iterable[Doubt]) -> tuple[Doubt, ...]:
            kept = (silence for silence in before if not within.meets(silence.start, silence.end))
            return tuple(sorted({*kept, *now}))

        return self._replace(doubts=judged(self.doubts, doubts), asleep=judged(self.asleep, asleep))
