"""Differences: what a commit replaces by other values, or leaves out for them, is recorded and counted.

Order of truth: a difference is recorded before the candles that it is about are committed, as the one that loses is
nowhere afterwards. A crash between the two leaves it on record: the repeated batch finds it again, and does not record
it again. A crash after the commit leaves it on record too; only the job's count of changed candles does not include it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import Source, has_content, is_settled, source_of, without_answer
from kraken_core.domain.differences import Difference, Origin, Sources, by_sources
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, DifferenceLedger, Merged, StagedFile

MOST_RANGES = (
    32  # of two sources of a series in a commit; more are joined where the distances between them are smallest
)
_SIZES = ("volume", "trades", "price")
_SLOTS_OF = ("pair", "interval_minutes")

Contents = Mapping[Series, Mapping[str, str]]  # content hashes of files, with the paths of their archives
NO_CONTENTS: Contents = {}


class Committed(NamedTuple):
    """What became of staged candles, and how many of each series differ from what was stored, whichever is kept."""

    merged: Mapping[Series, Merged]
    changed: Mapping[Series, int]


class _Group(NamedTuple):
    """What differs between two sources of a series: rows of FOUND, and their opens (epoch seconds, rising)."""

    series: Series
    kept: Origin
    other: Origin
    rows: pl.DataFrame
    opens: np.ndarray

    @property
    def sources(self) -> Sources:
        return self.series, self.kept.key, self.other.key

    def differences(self, known: TimeRanges) -> list[Difference]:
        """The ranges of what is not known yet."""
        fresh = ~_inside(self.opens, known)
        return _joined(self, self.opens[fresh], self.rows.filter(pl.Series(fresh)))


@dataclass(slots=True)
class _Noted:
    """What differs in a commit, as it was planned last; and what was known before it was planned first."""

    found: pl.DataFrame | None = None
    groups: Sequence[_Group] = ()
    known: Sequence[Difference] | None = None


@dataclass(frozen=True, slots=True)
class Differing:
    """Commits to the candle table for a stage of a job, and reports what differs; ``job_id`` is that job, if known.

    A slot counts once for each two sources: where a candle replaces different values, and where it loses to them and no
    other job, nor this stage, has met the two sources there before.
    """

    store: CandleStore
    ledger: DifferenceLedger
    job_id: int | None = None
    _seen: dict[Sources, TimeRanges] = field(default_factory=dict)

    def commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges] | None = None,
        contents: Contents = NO_CONTENTS,
    ) -> Committed:
        """Commit what is staged; ``contents`` are those of files that the ledger has not recorded yet."""
        noted = _Noted()

        def note(found: pl.DataFrame) -> None:
            noted.found, noted.groups = found, self._groups(found, contents)
            before = self.ledger.differences({group.series for group in noted.groups})
            noted.known = before if noted.known is None else noted.known
            known = by_sources(before)
            new = [d for group in noted.groups for d in group.differences(known.get(group.sources, TimeRanges()))]
            if new:
                self.ledger.record_differences(new)

        merged = self.store.commit(staged, clear, note=note)
        changed: dict[Series, int] = defaultdict(int, self._lost(noted))
        for series, counts in merged.items():
            changed[series] += counts.changed
        return Committed(merged, changed)

    def _lost(self, noted: _Noted) -> dict[Series, int]:
        """How many staged candles of each series lost to different values, and are to be counted."""
        lost: dict[Series, int] = defaultdict(int)
        if noted.found is None:
            return lost
        met = by_sources(each for each in noted.known or () if self.job_id is None or each.job_id != self.job_id)
        for group in noted.groups:
            before = met.get(group.sources, TimeRanges()) | self._seen.get(group.sources, TimeRanges())
            losing = ~group.rows["wins"].to_numpy()
            lost[group.series] += int((losing & ~_inside(group.opens, before)).sum())
            hull = TimeRanges.of((d.start, d.end) for d in group.differences(TimeRanges()))
            self._seen[group.sources] = self._seen.get(group.sources, TimeRanges()) | hull
        provisional = noted.found.filter(~_are_settled() & ~pl.col("wins")).group_by(_SLOTS_OF).len()
        for name, interval, slots in provisional.iter_rows():
            lost[_series(name, interval)] += slots
        return lost

    def _groups(self, found: pl.DataFrame, contents: Contents) -> list[_Group]:
        """What differs, by series and sources. A provisional candle claims nothing that anything could differ from."""
        one, other = without_answer("rank"), without_answer("rank_stored")
        parts = (
            found.filter(_are_settled())
            .with_columns(
                kept=pl.when("wins").then(one).otherwise(other),
                other=pl.when("wins").then(other).otherwise(one),
                open=pl.col("time").dt.epoch("s"),
            )
            .sort(*_SLOTS_OF, "kept", "other", "open")
            .partition_by(*_SLOTS_OF, "kept", "other", as_dict=True)
        )
        if not parts:
            return []
        known = self.ledger.contents({_series(str(name), 1).pair for name, *_ in parts})
        groups = []
        for (name, interval, kept, loser), rows in parts.items():
            series = _series(str(name), int(str(interval)))
            files = {**known.get(series, {}), **contents.get(series, {})}
            opens = rows["open"].to_numpy()
            groups.append(_Group(series, _origin(int(str(kept)), files), _origin(int(str(loser)), files), rows, opens))
        return groups


def _are_settled() -> pl.Expr:
    return is_settled() & is_settled("rank_stored")


def _series(name: str, interval: int) -> Series:
    return Series(Pair.stored(name), interval)


def _origin(rank: int, files: Mapping[str, str]) -> Origin:
    """Whose a candle of this rank is; ``files`` are those of its series."""
    source = source_of(rank) or Source.CSV
    if source in {Source.CSV, Source.TRADES}:
        for content_hash, path in files.items():
            if has_content(rank, content_hash):
                return Origin(source, content_hash, path)
    return Origin(source)


def _inside(opens: np.ndarray, ranges: TimeRanges) -> np.ndarray:
    """Which of the opens lie in the ranges."""
    inside: np.ndarray = np.searchsorted(np.array(ranges.bounds, dtype=np.int64), opens, side="right") % 2 == 1
    return inside


def _joined(group: _Group, opens: np.ndarray, rows: pl.DataFrame) -> list[Difference]:
    """Rows in ranges: neighbours together, and those that are nearest where there would be too many ranges."""
    if not len(opens):
        return []
    width = group.series.width
    distances = np.diff(opens) - width
    apart = np.flatnonzero(distances > 0)
    if len(apart) >= MOST_RANGES:
        apart = np.sort(apart[np.argsort(distances[apart], kind="stable")[-(MOST_RANGES - 1) :]])
    firsts = np.concatenate(([0], apart + 1))
    lasts = np.concatenate((apart, [len(opens) - 1]))
    largest = [np.maximum.reduceat(rows[name].to_numpy(), firsts).tolist() for name in _SIZES]
    spans: Iterable[tuple[int, int]] = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return [
        Difference(group.series, int(opens[a]), int(opens[b]) + width, b - a + 1, group.kept, group.other, *sizes)
        for (a, b), *sizes in zip(spans, *largest, strict=True)
    ]
