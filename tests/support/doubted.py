"""Slots of a home made doubtful, as a suspicious silence or trade ids make them."""

from __future__ import annotations

from kraken_core import Workbench
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges


def doubts(workbench: Workbench) -> list[tuple[Series, tuple[str, ...]]]:
    """What is said against the first slot of each doubtful range."""
    ranges = [known for known in workbench.ledger.coverage() if known.grade is Grade.DOUBTFUL]
    assert ranges
    return [(each.series, workbench.explain(*each.series, each.start).doubts) for each in ranges]


def doubt(workbench: Workbench, series: Series, doubtful: TimeRanges) -> None:
    """What is covered of the series in some ranges is doubtful from now on, whether it has candles or not."""
    ranges = []
    for each in workbench.ledger.coverage([series]):
        whole = TimeRanges.single(each.start, each.end)
        for part, grade in ((whole & doubtful, Grade.DOUBTFUL), (whole - doubtful, each.grade)):
            candles = workbench.store.count({series: part})[series]
            ranges += [
                each._replace(start=start, end=end, candles=many, grade=grade)
                for (start, end), many in zip(part, candles, strict=True)
            ]
    workbench.ledger.replace_coverage({series: sorted(ranges)})
