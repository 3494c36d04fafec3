"""What a schedule or a CI asks of a history: complete enough, and new enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.report import Completeness, Report
from kraken_core.domain.timerange import floor

NAMED = 3  # series; the report has all


def check_stored(report: Report, pairs: Collection[Pair]) -> None:
    """Raises IncompleteError where nothing is held at all, or nothing of one of the pairs that were named."""
    selected = {line.series.pair for line in report.series if line.counts.covered}
    absent = [str(pair) for pair in pairs if pair not in selected]
    if absent or not selected:
        raise IncompleteError(f"nothing is held of {', '.join(absent) or 'that'}: ingest it, or leave it out.")


def check_complete(report: Report, least: float = 100, grade: Grade = Grade.CLAIMED) -> None:
    """Raises IncompleteError where a series is less complete than ``least`` per cent, on evidence of a grade."""
    incomplete = [line for line in report.series if line.counts.share(grade) * 100 < least]
    incomplete.sort(key=lambda line: (line.counts.share(grade), -line.counts.missing, line.series))
    _refuse(
        (
            f"{line.series} ({percent(line.counts.share(grade))}, {line.counts.missing:,} slots missing"
            f"{_weak(line.counts, grade)})"
            for line in incomplete
        ),
        f"less complete than {least:g} %" + ("" if grade is Grade.CLAIMED else f" on evidence that is {grade}"),
        "kraken-history gaps says how to fill that",
    )


def _weak(counts: Completeness, grade: Grade) -> str:
    weak = counts.covered - counts.meeting(grade)
    return f", {weak:,} {'doubtful' if grade is Grade.CLAIMED else f'not {grade}'}" if weak else ""


def check_age(ages: Mapping[Series, int], most: int) -> None:
    """Raises IncompleteError where what is covered of a series ends more than ``most`` seconds ago."""
    aged = sorted((series for series in ages if ages[series] > most), key=lambda s: (-ages[s], s))
    _refuse(
        (f"{series} ({duration(ages[series])})" for series in aged),
        f"older than {duration(most)}",
        "ingest a newer archive, or ask the exchange: kraken-history ingest --incremental",
    )


def ages_of(coverage: Iterable[DataCoverageRange], living: Collection[Pair], now: int) -> dict[Series, int]:
    """How long ago the coverage of each living pair's series ends, counted from the last slot that has closed.

    A pair that left the exchange does not age.
    """
    ends: dict[Series, int] = {}
    for covered in coverage:
        if covered.series.pair in living:
            ends[covered.series] = max(covered.end, ends.get(covered.series, 0))
    return {series: max(0, floor(now, series.width) - end) for series, end in ends.items()}


def _refuse(found: Iterable[str], why: str, what_to_do: str) -> None:
    """Raises IncompleteError where anything was found."""
    if named := list(found):
        more = f" and {len(named) - NAMED:,} series more" if len(named) > NAMED else ""
        raise IncompleteError(f"{why}: {', '.join(named[:NAMED])}{more}; {what_to_do}.")
