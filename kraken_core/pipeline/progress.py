"""How far a job is, as it goes: rates and the time it will still take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kraken_core.ports import Progress, ProgressReport


@dataclass(slots=True)
class Ticker:
    """Counts the steps of one stage and reports each."""

    stage: str
    total: int
    report: Progress
    done: int = 0
    rows: int = 0
    _started: float = field(default_factory=time.perf_counter)
    _before: int = -1

    def add(self, steps: int = 1, rows: int = 0, current: str = "") -> None:
        """So many more steps are done, bringing so many rows."""
        if self._before < 0:
            self._before = self.done  # done by an earlier run of the same job
        self.done += steps
        self.rows += rows
        seconds = max(time.perf_counter() - self._started, 1e-9)
        here = self.done - self._before
        eta = seconds / here * max(0, self.total - self.done) if here and self.total else None
        total = max(self.total, self.done)  # there may be more than was expected
        self.report(ProgressReport(self.stage, self.done, total, current, self.rows, self.rows / seconds, eta))
