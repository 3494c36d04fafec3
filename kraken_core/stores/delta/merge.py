"""Works out one commit: which files join the table, which leave it, and what became of every staged candle.

Delta Lake has no keys, so a slot that is stored twice has to be found before it is committed. Files are never changed:
a candle that loses its slot is noted by its row number, and each file with losers is rewritten without them, once, at
the end. Staged files are taken one after the other, so that those of one commit may overlap as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from kraken_core.domain.averages import VWAP, averaged_otherwise
from kraken_core.domain.candles import FULL_SCHEMA, KEY, VALUES, Source, altered, demoted, is_settled, prevails
from kraken_core.domain.differences import FOUND, differs, sizes
from kraken_core.domain.market import Series
from kraken_core.domain.revisions import Replacement, kept_apart
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged, StagedFile
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.delta.replaced import ReplacedRows
from kraken_core.stores.files.candle_files import ROW, CandleFiles
from kraken_core.stores.files.spans import pair_of

_COMPARED = (*KEY, *VALUES, VWAP, "source", "rank", ROW)


@dataclass(frozen=True, slots=True)
class DeltaMerge:
    """A commit that was worked out and not yet made."""

    added: tuple[StagedFile, ...]
    removed: tuple[str, ...]
    rewritten: tuple[str, ...]  # files that were written for this commit alone
    superseded: tuple[str, ...]  # files on disk that do not join the table as they are
    merged: Mapping[Series, Merged]
    differing: pl.DataFrame  # FOUND
    replaced: Replacement | None  # where that is wanted


def plan_merge(
    files: CandleFiles,
    stored: FileIndex,
    staged: Sequence[StagedFile],
    clear: Mapping[Series, TimeRanges],
    demote: Mapping[Series, TimeRanges],
    *,
    drop: Mapping[Series, TimeRanges] = MappingProxyType({}),
    keeping: bool = False,
) -> DeltaMerge:
    """Compute what makes the staged files part of a table with the files ``stored``; see CandleStore.commit.

    ``keeping``: compute what is replaced, too.
    """
    overlay = _Overlay(files, stored, ReplacedRows(files, stored) if keeping else None)
    overlay.drop(drop)
    overlay.clear(clear)
    overlay.demote(demote)
    for file in staged:
        overlay.take(file)
    return overlay.finish(staged)


class _Overlay:
    """The table as it would be: the files stored and added, less the rows that lost their slot."""

    def __init__(self, files: CandleFiles, stored: FileIndex, replaced: ReplacedRows | None) -> None:
        self._files = files
        self._replaced = replaced
        self._stored = stored
        self._taken = FileIndex()
        self._losers: dict[str, list[pl.Series]] = defaultdict(list)  # row numbers by file
        self._demoted: list[StagedFile] = []
        self._merged: dict[Series, Merged] = {}
        self._differing: list[pl.DataFrame] = []

    def drop(self, ranges: Mapping[Series, TimeRanges]) -> None:
        """Candles in the ranges lose their slot, without a successor."""
        for path, wanted in self._stored.holding(ranges).items():
            self._lose(path, self._files.rows([path], wanted, (*KEY, ROW))[ROW], wanted)

    def clear(self, ranges: Mapping[Series, TimeRanges]) -> None:
        """Derived candles in the ranges lose their slot, without a successor."""
        for path, wanted in self._stored.holding(ranges).items():
            rows = self._left(path, self._files.rows([path], wanted, (*KEY, "source", ROW)))
            self._lose(path, rows.filter(pl.col("source") == Source.DERIVED)[ROW], wanted)

    def demote(self, ranges: Mapping[Series, TimeRanges]) -> None:
        """What is settled in the ranges moves to files of its own, as provisional."""
        moved: dict[int, list[pl.DataFrame]] = defaultdict(list)
        for path, wanted in self._stored.holding(ranges).items():
            rows = self._left(path, self._files.rows([path], wanted, (*FULL_SCHEMA, ROW)).filter(is_settled()))
            if rows.height:
                self._lose(path, rows[ROW], wanted)
                moved[self._stored.interval(path)].append(rows.select(*FULL_SCHEMA))
        for _, frames in sorted(moved.items()):
            file = self._files.write(pl.concat(frames).sort(KEY).with_columns(rank=demoted()))
            self._demoted.append(file)
            self._taken.add(file.path, file.interval, file.spans)
            if self._replaced:
                self._replaced.takes(file, {Series(pair, file.interval) for pair in file.spans})

    def take(self, file: StagedFile) -> None:
        """A staged file joins; in every slot that is stored already, one of the two candles loses."""
        spans = {Series(pair, file.interval): span for pair, span in file.spans.items()}
        if file.path in self._stored.paths:  # an earlier try landed after all, and only the answer to it was lost
            self._count({series: Merged(confirmed=span.candles) for series, span in spans.items()})
            return
        self._count({series: Merged(new=span.candles) for series, span in spans.items()})
        hulls = {series: TimeRanges.single(span.first, span.last + 1) for series, span in spans.items()}
        rivals = self._stored.holding(hulls) | self._taken.holding(hulls)
        self._taken.add(file.path, file.interval, file.spans)
        contested = {series: hulls[series] for wanted in rivals.values() for series in wanted}
        if self._replaced:
            self._replaced.takes(file, contested.keys())
        if not rivals:
            return
        rows = self._rows(file.path, contested)
        for path, wanted in rivals.items():
            joined = rows.join(self._rows(path, wanted), on=KEY, suffix="_stored").with_columns(wins=prevails())
            met = joined.select(
                *("pair", ROW, f"{ROW}_stored", "wins"),
                same=~differs(),
                altered=pl.col("wins") & (altered() | averaged_otherwise()),
                unlike=pl.col("wins") & kept_apart(),
            ).collect()
            if not met["same"].all():
                interval = pl.lit(file.interval, pl.Int32).alias("interval_minutes")
                found = joined.filter(differs()).with_columns(interval, *sizes()).select(*FOUND)
                self._differing.append(found.collect())
            self._lose(file.path, met.filter(~pl.col("wins"))[ROW], {})
            self._lose(path, met.filter("wins")[f"{ROW}_stored"], wanted)
            if self._replaced:
                self._replaced.meets(file, path, met)
            self._count(_outcomes(met, file.interval))

    def finish(self, staged: Sequence[StagedFile]) -> DeltaMerge:
        """Rewrite every file that lost rows, and name what joins and leaves the table."""
        rewritten = [new for path in self._losers if (new := self._rewrite(path)) is not None]
        joining = [f for f in (*self._demoted, *staged) if f.path in self._taken.paths and f.path not in self._losers]
        return DeltaMerge(
            added=(*joining, *rewritten),
            removed=tuple(path for path in self._losers if path in self._stored.paths),
            rewritten=tuple(file.path for file in (*self._demoted, *rewritten)),
            superseded=tuple(path for path in self._losers if path in self._taken.paths),
            merged=self._merged,
            differing=pl.concat([pl.DataFrame(schema=FOUND), *self._differing]),
            replaced=self._replaced.result({path: self._lost(path) for path in self._losers})
            if self._replaced
            else None,
        )

    def _rows(self, path: str, wanted: Mapping[Series, TimeRanges]) -> pl.LazyFrame:
        rows = self._files.rows([path], wanted, _COMPARED).lazy()
        return rows.filter(~pl.col(ROW).is_in(self._lost(path).implode())) if path in self._losers else rows

    def _rewrite(self, path: str) -> StagedFile | None:
        """The file without its losers; None where nothing is left of it."""
        index = self._taken if path in self._taken.paths else self._stored
        lost = self._lost(path)
        if len(lost) == index.candles(path):
            return None
        return self._files.write(self._files.without(path, index.interval(path), lost))

    def _lose(self, path: str, rows: pl.Series, where: Mapping[Series, TimeRanges]) -> None:
        """Rows of a file lose their slots; of a stored one, they lie somewhere in the ranges."""
        if not rows.is_empty():
            self._losers[path].append(rows)
            if self._replaced:
                self._replaced.loses(path, where)

    def _left(self, path: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of the rows that did not lose their slot before."""
        return rows if path not in self._losers else rows.filter(~pl.col(ROW).is_in(self._lost(path).implode()))

    def _lost(self, path: str) -> pl.Series:
        return pl.concat(self._losers[path])

    def _count(self, outcomes: Mapping[Series, Merged]) -> None:
        for series, outcome in outcomes.items():
            before = self._merged.get(series, Merged())
            self._merged[series] = Merged(*map(sum, zip(before, outcome, strict=True)))


def _outcomes(met: pl.DataFrame, interval: int) -> dict[Series, Merged]:
    """What to add to the counts for staged candles, all counted as new, that met one in their slot."""
    counts = met.group_by("pair").agg(
        new=-pl.len().cast(pl.Int64),
        changed=(~pl.col("same") & pl.col("wins")).sum(),
        confirmed=pl.col("same").sum(),
        outranked=(~pl.col("same") & ~pl.col("wins")).sum(),
        altered=pl.col("altered").sum(),
    )
    return {Series(pair_of(row.pop("pair")), interval): Merged(**row) for row in counts.to_dicts()}
