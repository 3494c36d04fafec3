"""The answer to "is my data complete?": one sentence over many series, which adds no intervals up.

A minute missing and a day missing are one slot each, so a share over several intervals would only be that of the
finest one. Series are counted instead, and the least complete one is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.formatting import percent
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Series


class CompletenessAnswer(NamedTuple):
    """How many series are complete, incomplete, and without anything covered; and the least complete one of them.

    ``worst`` is one of which something is covered, where there is any; None where every series is complete.
    """

    complete: int = 0
    incomplete: int = 0
    empty: int = 0
    worst: tuple[Series, Completeness] | None = None

    @property
    def total(self) -> int:
        """How many series are expected."""
        return self.complete + self.incomplete + self.empty

    @property
    def is_yes(self) -> bool:
        """Whether every series is complete; where none is expected, nothing is."""
        return 0 < self.complete == self.total

    @property
    def text(self) -> str:
        """The sentence."""
        if not self.total:
            return "Nothing is expected yet, so nothing can be complete."
        if not self.worst:
            return (
                "Yes: the only series is complete."
                if self.total == 1
                else f"Yes: all {self.total:,} series are complete."
            )
        if self.total == 1:
            return f"No: {_alone(*self.worst)}"
        states = [f"{self.complete:,} of {self.total:,} series {'is' if self.complete == 1 else 'are'} complete"]
        if self.incomplete:
            states.append(f"{self.incomplete:,} {'is' if self.incomplete == 1 else 'are'} incomplete")
        if self.empty:
            states.append(f"nothing is stored of {self.empty:,}")
        return f"No: {_listed(states)}. {_of_worst(*self.worst, among_empty=bool(self.empty))}"


def completeness_answer(series: Iterable[tuple[Series, Completeness]]) -> CompletenessAnswer:
    """The answer over all of the series of which anything is expected."""
    complete = incomplete = empty = 0
    worst: tuple[tuple[bool, float, int, Series], Completeness] | None = None
    for each, counts in series:
        if not counts.wanted:
            continue
        if counts.complete == counts.wanted:
            complete += 1
            continue
        incomplete, empty = (incomplete + 1, empty) if counts.covered else (incomplete, empty + 1)
        order = (not counts.covered, counts.completeness, counts.complete - counts.wanted, each)
        if worst is None or order < worst[0]:
            worst = order, counts
    return CompletenessAnswer(complete, incomplete, empty, (worst[0][-1], worst[1]) if worst else None)


def _alone(series: Series, counts: Completeness) -> str:
    if not counts.covered:
        return f"of {_nothing(series, counts)}"
    return f"{_name(series)} is {percent(counts.completeness)} complete: {_incomplete_slots(counts)}."


def _of_worst(series: Series, counts: Completeness, *, among_empty: bool) -> str:
    """The least complete of several series; ``among_empty``: of some of them nothing is stored, which is less still."""
    if not counts.covered:
        return f"Of {_nothing(series, counts)}"
    beginning = "Of those with data, least complete is" if among_empty else "Least complete is"
    return f"{beginning} {_name(series)} at {percent(counts.completeness)}: {_incomplete_slots(counts)}."


def _nothing(series: Series, counts: Completeness) -> str:
    return f"{_name(series)} all {counts.wanted:,} candles expected are missing."


def _name(series: Series) -> str:
    return f"{series.pair} {short(series.interval)}"


def _incomplete_slots(counts: Completeness) -> str:
    parts = [
        f"{slots:,} {'is' if slots == 1 else 'are'} {state}"
        for slots, state in ((counts.missing, "missing"), (counts.doubtful, "doubtful"))
        if slots
    ]
    return f"of {counts.wanted:,} candles expected, {' and '.join(parts)}"


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
