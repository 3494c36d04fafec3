"""How complete a history is, in slots (domain rule 14)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from kraken_core.domain.completeness import Completeness, least_complete_first
from kraken_core.domain.completeness_answer import CompletenessAnswer, completeness_answer
from kraken_core.domain.completeness_text import completeness_grid
from kraken_core.domain.differences import Disagreement
from kraken_core.domain.formatting import instant, percent
from kraken_core.domain.gaps import GapRecord, GapStatus, Route
from kraken_core.domain.html_tables import facts, grid
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted

MOST_PAIRS = 5  # named in an advised command; more are all that are expected

_WORST = 5  # series in a notebook


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """One line of the report; ``start`` and ``end`` bound what was expected, epoch seconds.

    ``reason`` is that of its widest gap: why something is missing, and what would fill it.
    """

    series: Series
    tier: str | None
    start: int
    end: int
    counts: Completeness
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """Completeness by series, the open gaps of them, as of the last detection, and where their sources differ."""

    as_of: int
    series: tuple[SeriesReport, ...]
    gaps: tuple[GapRecord, ...]
    differences: tuple[Disagreement, ...] = ()

    @cached_property
    def overall(self) -> Completeness:
        """All series together, in slots: for counts, as a share of them would be that of the finest interval."""
        return sum((line.counts for line in self.series), Completeness())

    @cached_property
    def by_interval(self) -> dict[int, Completeness]:
        """All series of an interval together, the least complete interval first."""
        result: dict[int, Completeness] = defaultdict(Completeness)
        for line in self.series:
            result[line.series.interval] += line.counts
        return least_complete_first(result)

    @cached_property
    def answer(self) -> CompletenessAnswer:
        """Whether the data is complete."""
        return completeness_answer((line.series, line.counts) for line in self.series)

    def _repr_html_(self) -> str:
        """The report in a notebook: whether the data is complete, the intervals, the worst series."""
        if not self.series:
            return facts(self.answer.text, {})
        worst = [
            (f"{line.series.pair} {short(line.series.interval)}", percent(line.counts.completeness), line.reason)
            for line in self.worst[:_WORST]
        ]
        least = grid(("least complete", "complete", "why"), worst) if worst else ""
        shown = facts(self.answer.text, {"as of": f"{instant(self.as_of)} UTC"})
        return shown + completeness_grid(self.by_interval) + least

    @cached_property
    def worst(self) -> list[SeriesReport]:
        """The series with missing or doubtful slots, least complete first."""
        incomplete = [line for line in self.series if line.counts.complete < line.counts.wanted]
        return sorted(incomplete, key=lambda line: (line.counts.completeness, -line.counts.missing, line.series))

    @cached_property
    def nothing_stored(self) -> dict[str, str]:
        """Pairs, and series of other pairs, of which nothing expected is covered, and why (domain rule 16)."""
        lines: dict[Pair, list[SeriesReport]] = defaultdict(list)
        for line in self.series:
            lines[line.series.pair].append(line)
        found: dict[str, str] = {}
        for pair, of_pair in lines.items():
            empty = [line for line in of_pair if not line.counts.covered]
            if len(empty) == len(of_pair):
                found[str(pair)] = empty[0].reason
            else:
                found |= {str(line.series): line.reason for line in empty}
        return found

    @property
    def actions(self) -> list[str]:
        """What to do next, most useful first; every command named exists."""
        free = sum(gap.route is Route.DERIVE for gap in self.gaps)
        by_api = sum(gap.is_api_fillable and gap.status is GapStatus.DETECTED for gap in self.gaps)
        by_archive: dict[str, int] = defaultdict(int)
        pairs: dict[str, set[str]] = defaultdict(set)
        failed = 0
        for gap in self.gaps:
            for part in gap.by_archive(self.as_of) if gap.route is not Route.DOWNLOAD else ():
                by_archive[part.archive] += part.candles
                pairs[part.archive].add(str(gap.series.pair))
            failed += gap.status is GapStatus.FAILED
        result = []
        if free:
            result.append(f"finer candles can fill {counted(free, 'gap')}, fully or partly: kraken-history backfill")
        if by_api:
            result.append(f"the exchange can fill {counted(by_api, 'gap')}, fully or partly: kraken-history backfill")
        for archive, candles in sorted(by_archive.items(), key=lambda item: -item[1])[:4]:
            whose = sorted(pairs[archive])
            selection = f"--pairs {','.join(whose)}" if len(whose) <= MOST_PAIRS else "--expected"
            result.append(
                f"download {archive} to fill up to {counted(candles, 'missing candle')}, then: "
                f"kraken-history ingest --csv-source-dir {archive} {selection}"
            )
        if doubtful := self.overall.doubtful:
            result.append(
                f"{counted(doubtful, 'candle')} doubtful (odd silences, fewer trades than ids count, intervals "
                "disagree); see: kraken-history verify"
            )
        if failed:
            result.append(f"{counted(failed, 'gap')} could not be filled; retry with: kraken-history backfill")
        return result
