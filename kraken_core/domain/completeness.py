"""How complete something is, in slots (domain rule 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import add, attrgetter

from kraken_core.domain.grades import Grade


@dataclass(frozen=True, slots=True)
class Completeness:
    """Counts of slots. ``covered`` by some source: ``present`` with a candle, ``silent`` without.

    Of the covered ones so many are ``proved``, ``confirmed`` and ``doubtful``, the rest *claimed* (domain rule 15).
    """

    wanted: int = 0
    covered: int = 0
    present: int = 0
    proved: int = 0
    confirmed: int = 0
    doubtful: int = 0

    @property
    def silent(self) -> int:
        """Slots in which nothing traded."""
        return self.covered - self.present

    @property
    def missing(self) -> int:
        """Slots that no source covers."""
        return self.wanted - self.covered

    @property
    def claimed(self) -> int:
        """Covered slots of one source, that nothing confirms or contradicts."""
        return self.covered - self.proved - self.confirmed - self.doubtful

    @property
    def complete(self) -> int:
        """Covered slots that are not doubtful."""
        return self.covered - self.doubtful

    @property
    def completeness(self) -> float:
        """Covered and not doubtful, of those expected, 0 to 1; nothing expected is 0, not 1."""
        return self.complete / self.wanted if self.wanted else 0.0

    def share(self, grade: Grade) -> float:
        """The slots on evidence of this grade or a better one, of those expected, 0 to 1."""
        return self.meeting(grade) / self.wanted if self.wanted else 0.0

    def meeting(self, grade: Grade) -> int:
        """The covered slots on evidence of this grade or a better one."""
        return sum(getattr(self, each.value) for each in Grade if each.meets(grade))

    @property
    def activity(self) -> float:
        """Present of covered, 0 to 1: how often the pair trades, not how complete it is."""
        return self.present / self.covered if self.covered else 0.0

    def __add__(self, other: Completeness) -> Completeness:
        return Completeness(*map(add, _COUNTS(self), _COUNTS(other)))


_COUNTS = attrgetter(*(field.name for field in fields(Completeness)))


def least_complete_first(by_interval: Mapping[int, Completeness]) -> dict[int, Completeness]:
    """Intervals in the order in which they are shown; of equally complete ones the finest first."""
    return dict(sorted(by_interval.items(), key=lambda item: (item[1].completeness, item[0])))
