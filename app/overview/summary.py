"""What the overview says, read from the ledger in one go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.report import Completeness

NO_TIER = "no tier"  # of fiat bases
WORST = 10


class OpenGaps(NamedTuple):
    """Open gaps: how many, and their slots."""

    gaps: int = 0
    slots: int = 0


class Summary(NamedTuple):
    """Completeness as of an instant (epoch seconds), and what is missing by route and by the archive that has it."""

    as_of: int
    overall: Completeness
    cells: dict[tuple[str, int], Completeness]  # by tier and interval
    newest: dict[int, int]  # by interval: where what is covered ends, epoch seconds
    routes: dict[Route, OpenGaps]
    archives: dict[str, OpenGaps]  # that hold a part of what no route fills
    lost: int  # gaps that no route and no archive fills
    worst: list[tuple[Series, Completeness]]
    reasons: Mapping[Series, str] = {}  # of those: why something is missing
    nothing: Mapping[str, str] = {}  # pairs of which nothing is stored, and why


@remembered
def summary(workbench: Workbench) -> Summary | None:
    """The summary of everything held; None where nothing was ever wanted."""
    found = workbench.charts.totals()
    if not found.series.height:
        return None
    tiers = [workbench.tiers.of(pair.partition("/")[0]) or NO_TIER for pair in found.series["pair"]]
    series = found.series.with_columns(pl.Series("tier", tiers, pl.String))
    slots = pl.col(*Completeness.__match_args__)
    reasons = found.gaps.sort("candles").group_by("pair", "interval_minutes").agg(pl.last("reason"))  # the widest gap's
    why = {(pair, interval): reason for pair, interval, reason in reasons.iter_rows()}
    worst = _worst(series)
    downloads, unfillable = workbench.charts.downloads(found.gaps), found.gaps.filter(pl.col("route") == Route.NONE)
    empty = series.filter(pl.col("covered").sum().over("pair") == 0)
    cells = series.group_by("tier", "interval_minutes").agg(slots.sum()).rows()
    return Summary(
        as_of=found.as_of,
        overall=Completeness(*series.select(slots.sum()).row(0)),
        cells={(tier, interval): Completeness(*counts) for tier, interval, *counts in cells},
        newest=found.newest,
        routes={Route(route): missing for route, missing in _missing(found.gaps, "route").items()},
        archives=_missing(downloads, "archive"),
        lost=unfillable.filter(~pl.col("gap_id").is_in(downloads["gap_id"].implode())).height,
        worst=worst,
        reasons={
            each: why[str(each.pair), each.interval] for each, _ in worst if (str(each.pair), each.interval) in why
        },
        nothing=dict(
            empty.join(reasons, on=["pair", "interval_minutes"]).group_by("pair").agg(pl.first("reason")).rows()
        ),
    )


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
    found = []
    for name, interval, *counts in missing_slots.select(pl.exclude("tier")).head(WORST).iter_rows():
        base, _, quote = name.partition("/")
        found.append((Series(Pair(base, quote), interval), Completeness(*counts)))
    return found
