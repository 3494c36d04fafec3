"""Which time a file of trades shows, by the order of its rows (domain rule 4).

Between two trades that follow each other in the file there was none; that is all a file can show. Where a row between
them could not be read, or time falls, trades may be lost, or a part of the file may be there twice, and two equal
trades cannot be distinguished from a repeated one. So a file is a row of sections, each with its own time.

Time is disputed where sections overlap, where a rejected row lies in the midst of one, and where a run of rows is there
twice. Something was moved or overwritten there: the step by which a section enters that time, or leaves it, leads over
what is lost, and the row at such a joint may be two halves of others and still read well. So nothing is known from the
second row before disputed time to the second one behind it. Rows are found again by their minutes, as a file may have a
hundred million of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.disputed_time import JOINT_ROWS, covered_twice
from kraken_core.domain.exchange import NS
from kraken_core.domain.repeated_runs import FALL_NS, RepeatedRuns
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from kraken_core.domain.trading_history import Portion

    Ints = NDArray[np.int64]
    Range = tuple[int, int]

_MINUTE_S = 60
_END_NS = np.iinfo(np.int64).max


@dataclass(slots=True)
class TradeSections:
    """The sections of a file, which is added portion by portion. Times are epoch nanoseconds, ranges in seconds."""

    _sections: list[Range] = field(default_factory=list)  # those that ended: the times of their first and last trade
    _start: int | None = None  # of the section that is being read
    _last: int | None = None  # the time of the last good trade
    _interrupted: bool = False  # by now
    _whole_head: bool = False  # the file begins with a good row
    _rejected: list[Ints] = field(default_factory=list)  # times of bad rows
    _minutes: list[NDArray[np.int32]] = field(default_factory=list)  # with a trade, since the epoch
    _runs: RepeatedRuns = field(default_factory=RepeatedRuns)

    def add(self, portion: Portion) -> None:
        """The next rows of the file."""
        times = portion.trades["time"].to_numpy()
        self._rejected.append(np.array(portion.bad_times, dtype=np.int64))
        if len(times):
            self._runs.add(portion.trades, times)
            minutes = times // (_MINUTE_S * NS)
            self._minutes.append(
                minutes[np.append(0, np.flatnonzero(minutes[1:] != minutes[:-1]) + 1)].astype(np.int32)
            )
            if self._last is not None and times[0] <= self._last - FALL_NS:
                self._break()
                self._rejected.append(np.array([self._last, times[0]]))
        at = 0
        for place in sorted({place for _, place in portion.bad}):
            self._take(times[at:place])
            self._break()
            at = place
        self._take(times[at:])

    def unknown(self, *, torn: bool) -> TimeRanges:
        """The seconds that the file does not show, all of it added; ``torn``: its last line has no end."""
        whole_tail = self._start is not None and not torn
        self._break()
        if not self._sections:
            return TimeRanges.single(0, END_OF_TIME)
        sections = np.array(self._sections)
        # Of the second in which a broken section begins, or any ends, more trades may be lost.
        shown = sections // NS
        shown[:, 0] += 1
        if self._whole_head:
            shown[0, 0] -= 1
            if sections[0, 0] == sections[:, 0].min():
                sections[0, 0] = shown[0, 0] = 0
        if whole_tail and sections[-1, 1] == sections[:, 1].max():
            sections[-1, 1], shown[-1, 1] = _END_NS, END_OF_TIME
        rejected = np.unique(np.concatenate(self._rejected))
        seconds = np.unique(rejected // NS).tolist()
        known = TimeRanges.of(shown.tolist()) - TimeRanges.of((second, second + 1) for second in seconds)
        disputed = [*covered_twice(sections.tolist()), *_amid(sections, rejected), *self._runs.found]
        if disputed:
            known -= TimeRanges.of(self._with_joints(disputed))
        return TimeRanges.single(0, END_OF_TIME) - known

    def _take(self, times: Ints) -> None:
        if not len(times):
            return
        if self._start is None:
            self._start = int(times[0])
            self._whole_head |= not self._interrupted
        self._last = int(times[-1])

    def _break(self) -> None:
        if self._start is not None and self._last is not None:
            self._sections.append((self._start, self._last))
        self._start = None
        self._interrupted = True

    def _with_joints(self, disputed: Iterable[Range]) -> Iterator[Range]:
        """Disputed time (nanoseconds) with the joints on both sides of it, in seconds.

        Where the file has no more rows on one side, nothing on that side is known.
        """
        traded = np.unique(np.concatenate(self._minutes))
        bounds = np.array([*disputed], dtype=np.int64).reshape(-1, 2) // (_MINUTE_S * NS)
        before = np.searchsorted(traded, bounds[:, 0]) - JOINT_ROWS
        behind = np.searchsorted(traded, bounds[:, 1], side="right") + JOINT_ROWS - 1
        for first, last in zip(before.tolist(), behind.tolist(), strict=True):
            start = int(traded[first]) * _MINUTE_S if first >= 0 else 0
            yield start, (int(traded[last]) + 1) * _MINUTE_S if last < len(traded) else END_OF_TIME


def _amid(sections: Ints, times: Ints) -> Iterator[Range]:
    """Those times that lie inside of a section, and not at its ends."""
    begun = np.searchsorted(np.sort(sections[:, 0]), times)
    ended = np.searchsorted(np.sort(sections[:, 1]), times, side="right")
    for time in times[begun > ended].tolist():
        yield time, time
