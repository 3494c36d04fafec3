"""Grades: how good the evidence of a covered slot is (domain rule 15)."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """The grade of a covered slot, best first.

    ``proved``: trade ids are consecutive across it, or those at both ends of a span around it differ by exactly the
    trades stored in that. ``confirmed``: two independent sources, or another interval of the
    pair from another file, agree. ``claimed``: one source claims it. ``doubtful``: its lack of trades is suspicious, or
    what sources have of it differs in a way that is not explained yet. Doubtful slots are not complete.
    """

    PROVED = "proved"
    CONFIRMED = "confirmed"
    CLAIMED = "claimed"
    DOUBTFUL = "doubtful"

    def meets(self, wanted: Grade) -> bool:
        """Whether it is as good as the required grade."""
        return _ORDER.index(self) <= _ORDER.index(wanted)


_ORDER = tuple(Grade)
