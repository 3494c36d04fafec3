"""Trade ids: what their order proves about a tape, and what is missing from it (domain rules 4 and 15, domain 1.3).

Kraken numbers the trades of a pair in steps of one. But runs of trades have id 0, which is none; ids restart, or are
swapped within tens; and numbers are skipped that never existed. So ids prove that nothing is missing where they are
consecutive, and prove nothing anywhere else: never is a trade dropped because of its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from kraken_core.domain.exchange import NS
from kraken_core.domain.timerange import TimeRanges

SWAPPED = 100  # ids out of order by no more than this are swapped; by more, their numbering begins again


class Run(NamedTuple):
    """Between the trades at ``since`` and ``until`` (nanoseconds, both of them read) no trade is missing."""

    since: int
    until: int


class IdRun(NamedTuple):
    """The run in the making: every id from its first trade's to ``last`` was seen; None where no id is known.

    ``ahead`` are the ids seen beyond it: those between were skipped, or come a little later.
    """

    run: Run | None = None
    last: int = 0
    ahead: frozenset[int] = frozenset()

    def fed(
        self, times: Sequence[int], ids: Sequence[int | None], never: frozenset[int] = frozenset()
    ) -> tuple[IdRun, list[Run]]:
        """The run after trades that follow, and the runs that ended meanwhile.

        ``never``: the numbers behind which one was skipped that does not exist, as far as is known.
        """
        if self.run and not self.ahead and list(ids) == list(range(self.last + 1, self.last + 1 + len(ids))):
            until = times[-1] if times else self.run.until
            return IdRun(Run(self.run.since, until), self.last + len(ids)), []
        run, last, ahead = self.run, self.last, set(self.ahead)
        ended: list[Run] = []
        for time, number in zip(times, ids, strict=True):
            if run and number and number == last + 1:
                last = number
                while last + 1 in ahead:
                    last += 1
                    ahead.remove(last)
                run = run if ahead else Run(run.since, time)
            elif run and number and number > last and last not in never and len(ahead) < SWAPPED:
                ahead.add(number)
            else:
                ended += [run] if run else []
                run, last, ahead = (Run(time, time), number, set()) if number else (None, 0, set())
        return IdRun(run, last, frozenset(ahead)), ended


NO_IDS = IdRun()


class Skipped(NamedTuple):
    """Ids that trades skipped, ``first`` to ``last``, between the trades at ``since`` and ``until`` (nanoseconds)."""

    first: int
    last: int
    since: int
    until: int

    @property
    def seconds(self) -> TimeRanges:
        """When trades of these ids would have been made, in epoch seconds."""
        return TimeRanges.single(self.since // NS, self.until // NS + 1)


def skipped(run: IdRun, times: Sequence[int], ids: Sequence[int | None]) -> list[Skipped]:
    """The ids that trades skip, which follow the run; where an id is unknown, nothing follows."""
    known: dict[int, int] = {}  # times by id, of one numbering
    if run.run:
        known = dict.fromkeys((run.last, *run.ahead), run.run.until)
    if not run.ahead and list(ids) == list(range(run.last + 1, run.last + 1 + len(ids))):
        return []
    found: list[Skipped] = []
    highest = max(known, default=0)
    for time, number in zip(times, ids, strict=True):
        if not number or number < highest - SWAPPED:
            found += _skipped(known)
            known, highest = {}, 0
        if number:
            known.setdefault(number, time)
            highest = max(highest, number)
    return found + _skipped(known)


def _skipped(known: dict[int, int]) -> list[Skipped]:
    numbers = sorted(known)
    return [
        Skipped(before + 1, after - 1, *sorted((known[before], known[after])))
        for before, after in pairwise(numbers)
        if after > before + 1
    ]
