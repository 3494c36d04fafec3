"""Differences: what a commit replaces by other values, or leaves out for them, is recorded and counted.

Order of truth: a difference is recorded before the candles that it is about are committed, as the one that loses is
nowhere afterwards. A crash between the two leaves it on record: the repeated batch finds it again, and does not record
it again. A crash after the commit leaves it on record too; only the job's count of changed candles does not include it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import is_settled, without_answer
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.differences import Difference, Sources, by_sources
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.frame import inside
from kraken_core.pipeline.differing_slots import DifferingSlots, origin_of
from kraken_core.pipeline.presence import ComparingLedger, Presence
from kraken_core.ports import CandleStore, Merged, StagedFile

_SLOTS_OF = ("pair", "interval_minutes")

Contents = Mapping[Series, Mapping[str, str]]  # content hashes of files, with the paths of their archives
NO_CONTENTS: Contents = {}


class Committed(NamedTuple):
    """What became of staged candles, and how many of each series differ from what was stored, whichever is kept."""

    merged: Mapping[Series, Merged]
    changed: Mapping[Series, int]


@dataclass(slots=True)
class _Noted:
    """What differs in a commit, as it was planned last; and what was known before it was planned first."""

    found: pl.DataFrame | None = None
    groups: Sequence[DifferingSlots] = ()
    known: Sequence[Difference] | None = None


@dataclass(slots=True)
class Differing:
    """Commits to the candle table for a stage of a job, and reports what differs; ``job_id`` is that job, if known.

    A slot counts once for each two sources: where a candle replaces different values, and where it loses to them and no
    other job, nor this stage, has met the two sources there before.
    """

    store: CandleStore
    ledger: ComparingLedger
    job_id: int | None = None
    _seen: dict[Sources, TimeRanges] = field(default_factory=dict)
    _presence: Presence = field(init=False)

    def __post_init__(self) -> None:
        self._presence = Presence(self.store, self.ledger)

    def commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges] | None = None,
        contents: Contents = NO_CONTENTS,
        claims: Sequence[Assertion] = (),
    ) -> Committed:
        """Commit what is staged; ``contents`` are those of files that the ledger has not recorded yet.

        ``claims`` are to be made of what is staged: where they, or others, are without a candle, sources differ too.
        """
        noted = _Noted()
        self._presence.record(staged, claims, contents)

        def note(found: pl.DataFrame) -> None:
            noted.found, noted.groups = found, self._groups(found, contents)
            found_before = self.ledger.differences({group.series for group in noted.groups})
            before = [each for each in found_before if not each.is_silence]
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
            lost[group.series] += int((losing & ~inside(group.opens, before)).sum())
            hull = TimeRanges.of((d.start, d.end) for d in group.differences(TimeRanges()))
            self._seen[group.sources] = self._seen.get(group.sources, TimeRanges()) | hull
        provisional = noted.found.filter(~_are_settled() & ~pl.col("wins")).group_by(_SLOTS_OF).len()
        for name, interval, slots in provisional.iter_rows():
            lost[_series(name, interval)] += slots
        return lost

    def _groups(self, found: pl.DataFrame, contents: Contents) -> list[DifferingSlots]:
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
            kept_by, lost_by = (origin_of(int(str(rank)), files) for rank in (kept, loser))
            groups.append(DifferingSlots(series, kept_by, lost_by, rows, opens))
        return groups


def _are_settled() -> pl.Expr:
    return is_settled() & is_settled("rank_stored")


def _series(name: str, interval: int) -> Series:
    return Series(Pair.stored(name), interval)
