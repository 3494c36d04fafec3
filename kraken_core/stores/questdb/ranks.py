"""The ranks of the candles in QuestDB, which its table of candles has no column for.

Candles that came together share their rank, so that it is kept as steps: from this instant on, candles of this series
have that rank. Where nothing is stored a step means nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from kraken_core.domain.market import Series


class RankRun(NamedTuple):
    """Neighbouring candles of a series that have one rank, in the slots of ``[start, end)``."""

    series: Series
    start: int
    end: int
    rank: int


class Step(NamedTuple):
    """From ``start`` on candles of the series have this rank; None where it is unknown."""

    series: Series
    start: int
    rank: int | None


class RankSteps:
    """The steps of every series."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps: dict[Series, tuple[list[int], list[int | None]]] = {}
        for series, start, rank in sorted(steps, key=lambda step: step[:2]):
            starts, ranks = self._steps.setdefault(series, ([], []))
            starts.append(start)
            ranks.append(rank)

    def rank_at(self, series: Series, instant: int) -> int | None:
        """The rank of a candle in this place."""
        starts, ranks = self._steps.get(series, ([], []))
        before = bisect_right(starts, instant)
        return ranks[before - 1] if before else None

    def set(self, runs: Iterable[RankRun]) -> list[Step]:
        """Give the slots of the runs their rank; returns the steps that changed by it, each once."""
        changed: dict[tuple[Series, int], int | None] = {}
        for run in runs:
            changed |= self._set(run)
        return [Step(series, start, rank) for (series, start), rank in changed.items()]

    def _set(self, run: RankRun) -> dict[tuple[Series, int], int | None]:
        series, start, end, rank = run
        starts, ranks = self._steps.setdefault(series, ([], []))
        before, after = self.rank_at(series, start), self.rank_at(series, end)
        changed: dict[tuple[Series, int], int | None] = {}
        first, behind = bisect_left(starts, start), bisect_left(starts, end)
        if after != rank and (behind == len(starts) or starts[behind] != end):
            starts.insert(behind, end)
            ranks.insert(behind, after)
            changed[series, end] = after
        if before != rank and (first == len(starts) or starts[first] != start):
            starts.insert(first, start)
            ranks.insert(first, before)
            behind += 1
        for at in range(first, behind):  # steps are never removed: QuestDB deletes no rows
            if ranks[at] != rank:
                ranks[at] = rank
                changed[series, starts[at]] = rank
        return changed
