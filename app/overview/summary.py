"""What the overview says, read from the ledger in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from app.shared.fillable import FILLABLE, PARTLY, SLOTS, without_source
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_answer import CompletenessAnswer
from kraken_core.domain.gaps import Route
from kraken_core.domain.interval_units import short
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.figures.gap_strips import GapStrip

NO_TIER = "no tier"  # of fiat bases
WORST = 10
MATRIX = 100  # pairs, the least complete; Coverage has every one
_COUNTS = Completeness.__match_args__
_SHARE = (pl.col("covered") - pl.col("doubtful")) / pl.col("wanted")


class OpenGaps(NamedTuple):
    """Open gaps: how many, their slots, and how many are filled in part only (whose other slots do not count)."""

    gaps: int = 0
    slots: int = 0
    partly: int = 0


class IntervalTotals(NamedTuple):
    """All series of an interval: their slots together, and how many of them are complete."""

    minutes: int
    counts: Completeness
    complete: int
    series: int


class Summary(NamedTuple):
    """Completeness as of an instant (epoch seconds), and what is missing by route and by the archive that has it."""

    as_of: int
    answer: CompletenessAnswer
    intervals: list[IntervalTotals]  # least complete first
    pairs: dict[str, dict[int, Completeness]]  # by pair and interval, the least complete pairs first
    cells: dict[tuple[str, int], Completeness]  # by tier and interval
    oldest: dict[int, tuple[Series, int]]  # by interval: the series whose data ends first, and where; epoch seconds
    routes: dict[Route, OpenGaps]  # that fill something
    archives: dict[str, OpenGaps]  # that hold a part of what no route fills
    lost: int  # gaps that no route and no archive fills
    worst: list[tuple[Series, Completeness]]
    reasons: Mapping[Series, str] = {}  # of those: why something is missing
    strips: Sequence[GapStrip] = ()  # of those: where it is
    nothing: Mapping[str, str] = {}  # pairs of which nothing is stored, and why
    pairs_expected: int = 0
    unread: Sequence[FileIngestionRecord] = ()  # files that failed and are needed still, by age
    rejects: Sequence[FileIngestionRecord] = ()  # files with rows that were rejected, likewise

    @property
    def doubtful(self) -> int:
        """Slots that are covered, and doubtful."""
        return sum(each.counts.doubtful for each in self.intervals)

    @property
    def stalest(self) -> tuple[Series, int] | None:
        """The series whose data ends first of all, and where it does (epoch seconds)."""
        return min(self.oldest.values(), key=lambda found: (found[1], found[0]), default=None)


@remembered
def summary(workbench: Workbench) -> Summary | None:
    """The summary of everything expected; None where nothing ever was."""
    found = workbench.charts.totals()
    if not found.series.height:
        return None
    tiers = [workbench.tiers.of(Pair.stored(pair).base) or NO_TIER for pair in found.series["pair"]]
    series = found.series.with_columns(pl.Series("tier", tiers, pl.String))
    slots = pl.col(*_COUNTS)
    widest = found.gaps.sort("candles", "start")
    reasons = widest.group_by("pair", "interval_minutes").agg(pl.last("reason"))
    why = {(pair, interval): reason for pair, interval, reason in reasons.iter_rows()}
    worst = _worst(series)
    downloads = workbench.charts.downloads(found.gaps)
    empty = series.filter(pl.col("covered").sum().over("pair") == 0)
    cells = series.group_by("tier", "interval_minutes").agg(slots.sum()).rows()
    unread = _still_needed(workbench.control.unread_files(), series)
    living = [str(record.pair) for record in workbench.pairs() if not record.lives or record.lives[-1].end is None]
    return Summary(
        as_of=found.as_of,
        answer=found.answer,
        intervals=_by_interval(series),
        pairs=_by_pair(series),
        cells={(tier, interval): Completeness(*counts) for tier, interval, *counts in cells},
        oldest=_oldest(found.ends.join(series, on=["pair", "interval_minutes"], how="semi"), living),
        routes=_by_route(found.gaps.filter(FILLABLE)),
        archives=_missing(downloads, "archive"),
        lost=without_source(found.gaps, downloads).height,
        worst=worst,
        reasons={
            each: why[str(each.pair), each.interval] for each, _ in worst if (str(each.pair), each.interval) in why
        },
        strips=[_strip(each, series, found.gaps) for each, _ in worst],
        nothing=_nothing(empty.join(reasons, on=["pair", "interval_minutes"]), unread),
        pairs_expected=series["pair"].n_unique(),
        unread=unread,
        rejects=_still_needed(workbench.control.files_with_rejected_rows(), series),
    )


def _series(frame: pl.DataFrame) -> Iterator[tuple[Series, Completeness]]:
    for name, interval, *counts in frame.select("pair", "interval_minutes", *_COUNTS).iter_rows():
        yield Series(Pair.stored(name), interval), Completeness(*counts)


def _by_interval(series: pl.DataFrame) -> list[IntervalTotals]:
    """Each interval by itself: added up over several, the finest would be all that is seen."""
    complete = (pl.col("covered") - pl.col("doubtful") == pl.col("wanted")).sum().alias("complete")
    found = (
        series.group_by("interval_minutes")
        .agg(pl.col(*_COUNTS).sum(), complete, pl.len())
        .sort(_SHARE, "interval_minutes")
    )
    return [
        IntervalTotals(minutes, Completeness(*counts), *rest) for minutes, counts, rest in _split(found.iter_rows())
    ]


def _split(rows: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    for minutes, *counts in rows:
        yield minutes, tuple(counts[: len(_COUNTS)]), tuple(counts[len(_COUNTS) :])


def _by_pair(series: pl.DataFrame) -> dict[str, dict[int, Completeness]]:
    """The least complete pairs: by the mean of their series, whatever these's numbers of slots."""
    order = series.group_by("pair").agg(_SHARE.fill_nan(1).mean().alias("share")).sort("share", "pair").head(MATRIX)
    found: dict[str, dict[int, Completeness]] = {pair: {} for pair in order["pair"]}
    for each, counts in _series(series.join(order, on="pair", how="semi").sort("interval_minutes")):
        found[str(each.pair)][each.interval] = counts
    return found


def _oldest(ends: pl.DataFrame, living: list[str]) -> dict[int, tuple[Series, int]]:
    """Of each interval, the series whose data ends first; a pair that left the exchange does not age."""
    found = ends.filter(pl.col("pair").is_in(living)).sort("end", "pair").group_by("interval_minutes").first()
    rows = found.select("interval_minutes", "pair", "end").sort("interval_minutes").iter_rows()
    return {interval: (Series(Pair.stored(pair), interval), end) for interval, pair, end in rows}


def _strip(of: Series, series: pl.DataFrame, gaps: pl.DataFrame) -> GapStrip:
    """Where a series has gaps, of those that are expected of it."""
    its = (pl.col("pair") == str(of.pair)) & (pl.col("interval_minutes") == of.interval)
    expected = TimeRange(*series.filter(its).select("start", "end").row(0))
    return GapStrip(f"{of.pair} {short(of.interval)}", expected, gaps.filter(its).select("start", "end").rows())


def _still_needed(unread: Sequence[FileIngestionRecord], series: pl.DataFrame) -> list[FileIngestionRecord]:
    """The files of series that nothing else completed since."""
    complete = series.filter(pl.col("covered") == pl.col("wanted"), pl.col("doubtful") == 0)
    names = set(complete.select("pair", "interval_minutes").iter_rows())
    return [file for file in unread if (str(file.series.pair), file.series.interval) not in names]


def _nothing(empty: pl.DataFrame, unread: Sequence[FileIngestionRecord]) -> dict[str, str]:
    """Why nothing is stored of each pair: a file of it that failed, else the reason of its finest interval."""
    failures = {str(file.series.pair): file.failure for file in reversed(unread)}
    finest = empty.sort("pair", "interval_minutes").unique("pair", keep="first", maintain_order=True)
    return {pair: failures.get(pair, reason) for pair, reason in finest.select("pair", "reason").iter_rows()}


def _by_route(gaps: pl.DataFrame) -> dict[Route, OpenGaps]:
    """What each route fills, as far as it reaches."""
    found = gaps.group_by("route").agg(pl.len(), SLOTS.sum(), PARTLY.sum().alias("partly"))
    return {Route(route): OpenGaps(*counts) for route, *counts in found.iter_rows()}


def _missing(gaps: pl.DataFrame, by: str) -> dict[str, OpenGaps]:
    found = gaps.group_by(by).agg(pl.len(), pl.col("candles").sum())
    return {name: OpenGaps(many, slots) for name, many, slots in found.iter_rows()}


def _worst(series: pl.DataFrame) -> list[tuple[Series, Completeness]]:
    """The series that lack something, least complete first, and of those the ones that lack more."""
    complete = pl.col("covered") - pl.col("doubtful")
    missing_slots = series.filter(complete < pl.col("wanted")).sort(
        complete / pl.col("wanted"),
        complete - pl.col("wanted"),  # the more of them, the lower
        pl.col("pair"),
        pl.col("interval_minutes"),
    )
    return list(_series(missing_slots.head(WORST)))
