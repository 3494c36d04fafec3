"""What the overview says, read from the ledger in one go."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from app.data import remembered
from kraken_core import Workbench
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Series
from kraken_core.domain.report import Completeness

NO_TIER = "no tier"  # of fiat bases
WORST = 10


class Missing(NamedTuple):
    """Open gaps: how many, and their slots."""

    gaps: int = 0
    slots: int = 0

    def plus(self, slots: int) -> Missing:
        """With a gap more."""
        return Missing(self.gaps + 1, self.slots + slots)


class Summary(NamedTuple):
    """Completeness as of an instant (epoch seconds), and what is missing by route and by the archive that has it."""

    as_of: int
    overall: Completeness
    cells: dict[tuple[str, int], Completeness]  # by tier and interval
    newest: dict[int, int]  # by interval: where what is covered ends, epoch seconds
    routes: dict[Route, Missing]
    archives: dict[str, Missing]
    worst: list[tuple[Series, Completeness]]


@remembered
def summary(workbench: Workbench) -> Summary | None:
    """The summary of everything held; None where nothing was ever wanted."""
    report = workbench.held.report(workbench.select())
    if not report.series:
        return None
    cells: dict[tuple[str, int], Completeness] = defaultdict(Completeness)
    for line in report.series:
        cells[line.tier or NO_TIER, line.series.interval] += line.counts
    newest: dict[int, int] = {}
    for held in workbench.ledger.coverage():
        newest[held.series.interval] = max(held.end, newest.get(held.series.interval, 0))
    routes: dict[Route, Missing] = defaultdict(Missing)
    archives: dict[str, Missing] = defaultdict(Missing)
    for gap in report.gaps:
        routes[gap.route] = routes[gap.route].plus(gap.candles)
        if gap.route is Route.NONE and gap.archive:
            archives[gap.archive] = archives[gap.archive].plus(gap.candles)
    worst = [(line.series, line.counts) for line in report.worst[:WORST]]
    return Summary(report.as_of, report.overall, dict(cells), newest, dict(routes), dict(archives), worst)
