"""Gates for a schedule or a CI: a history that is complete enough, and new enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import IncompleteError, IncompleteRange
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.incomplete import missing_ranges, weak_ranges
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.domain.timerange import TimeRanges, floor

NAMED = 3  # series; the report has all


def check_stored(stored: Collection[Pair], pairs: Collection[Pair]) -> None:
    """Raises IncompleteError where nothing is stored at all, or nothing of one of the named pairs."""
    absent = [str(pair) for pair in pairs if pair not in stored]
    if absent or not stored:
        raise IncompleteError(
            f"nothing is stored of {', '.join(absent) or 'this selection'}: ingest it, or leave it out."
        )


def check_assessed(beyond: str) -> None:
    """Raises IncompleteError where days were named that no job looked at, as ``beyond`` says of them."""
    if beyond:
        raise IncompleteError(beyond)


def check_complete(
    report: Report,
    least: float = 100,
    grade: Grade = Grade.CLAIMED,
    coverage: Sequence[DataCoverageRange] = (),
) -> None:
    """Raises IncompleteError where a series is less complete than ``least`` per cent, on evidence of a grade.

    Its gaps are those of the report, and of the covered ranges given those whose evidence is not as good.
    """
    incomplete = [line for line in report.series if line.counts.share(grade) * 100 < least]
    incomplete.sort(key=lambda line: (line.counts.share(grade), -line.counts.missing, line.series))
    _refuse(
        (
            f"{line.series} ({percent(line.counts.share(grade))}, {counted(line.counts.missing, 'candle')} missing"
            f"{_weak(line.counts, grade)})"
            for line in incomplete
        ),
        f"less complete than {least:g} %" + ("" if grade is Grade.CLAIMED else f" on evidence that is {grade}"),
        "kraken-history gaps shows how to fill that",
        _gaps_of(incomplete, report, grade, coverage),
    )


def _gaps_of(
    incomplete: Iterable[SeriesReport], report: Report, grade: Grade, coverage: Sequence[DataCoverageRange]
) -> Iterator[IncompleteRange]:
    """What lacks of the series, by their gaps on record and their covered ranges."""
    for line in incomplete:
        (pair, interval), within = line.series, TimeRanges.single(line.start, line.end)
        gaps = [gap for gap in report.gaps if gap.series == line.series]
        yield from missing_ranges(pair, interval, TimeRanges.of((g.start, g.end) for g in gaps) & within, gaps)
        weak = [(c.start, c.end) for c in coverage if c.series == line.series and not c.grade.meets(grade)]
        yield from weak_ranges(pair, interval, TimeRanges.of(weak) & within, grade)


def _weak(counts: Completeness, grade: Grade) -> str:
    weak = counts.covered - counts.meeting(grade)
    return f", {weak:,} {'doubtful' if grade is Grade.CLAIMED else f'not {grade}'}" if weak else ""


def check_age(ages: Mapping[Series, int], most: int) -> None:
    """Raises IncompleteError where what is covered of a series ends more than ``most`` seconds ago."""
    aged = sorted((series for series in ages if ages[series] > most), key=lambda s: (-ages[s], s))
    _refuse(
        (f"{series} ({duration(ages[series])})" for series in aged),
        f"older than {duration(most)}",
        "ingest a newer archive, or query the exchange: kraken-history ingest --incremental",
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


def _refuse(found: Iterable[str], why: str, what_to_do: str, gaps: Iterable[IncompleteRange] = ()) -> None:
    """Raises IncompleteError where anything was found."""
    if named := list(found):
        more = f" and {len(named) - NAMED:,} more series" if len(named) > NAMED else ""
        raise IncompleteError(f"{why}: {', '.join(named[:NAMED])}{more}; {what_to_do}.", sorted(gaps))
