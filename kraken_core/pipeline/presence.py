"""Presence: where a source claims slots without the candles that another one has there, which is recorded.

Only slots are read that two sources claim: of the first archive of a market there are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl

from kraken_core.domain.candles import Source, from_api, is_settled, source_of, without_answer
from kraken_core.domain.coverage import ABSENT, Assertion
from kraken_core.domain.differences import SILENT, Origin, by_sources
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.presence import (
    SourceKey,
    Stated,
    claims_of_sources,
    known_silences,
    rising,
    shared,
    silent_slots,
)
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.differing_slots import SIZES, DifferingSlots, origin_of
from kraken_core.ports import CandleStore, ClaimLedger, DifferenceLedger, StagedFile

Files = Mapping[str, str]  # content hashes, and absent files, with the paths of their archives
_OF_SOURCE = ("pair", "interval_minutes", "rank")


class ComparingLedger(ClaimLedger, DifferenceLedger, Protocol):
    """What sources are compared by."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Compares sources with those that claim the same slots, in a stage of a job that withdraws no claim of theirs."""

    store: CandleStore
    ledger: ComparingLedger
    _claimed: dict[Series, dict[SourceKey, TimeRanges]] = field(default_factory=dict)
    _read: set[Pair] = field(default_factory=set)

    def record(
        self, staged: Sequence[StagedFile], claims: Sequence[Assertion], contents: Mapping[Series, Files]
    ) -> None:
        """Record where one has a candle and another none, before what is staged is committed.

        ``claims`` are those of sources all of whose candles are staged, made by nobody yet.
        """
        new = claims_of_sources(claims)
        self._read_claims({series.pair for series in new})
        ranges = {series: shared(self._claimed.get(series, {}), of_series) for series, of_series in new.items()}
        ranges = {series: found for series, found in ranges.items() if found}
        if ranges:
            self._compare(staged, new, ranges, contents)
        for series, of_series in new.items():
            before = self._claimed.setdefault(series, {})
            for key, claimed in of_series.items():
                before[key] = before.get(key, TimeRanges()) | claimed

    def _read_claims(self, pairs: Collection[Pair]) -> None:
        if unread := [pair for pair in pairs if pair not in self._read]:
            self._claimed.update(claims_of_sources(self.ledger.assertions(unread)))
            self._read.update(unread)

    def _compare(
        self,
        staged: Sequence[StagedFile],
        new: Mapping[Series, Mapping[SourceKey, TimeRanges]],
        ranges: Mapping[Series, TimeRanges],
        contents: Mapping[Series, Files],
    ) -> None:
        known = self.ledger.contents({series.pair for series in ranges})
        files = {series: {**known.get(series, {}), **contents.get(series, {})} for series in ranges}
        found_before = [each for each in self.ledger.differences(list(ranges)) if each.is_silence]
        silent = known_silences(found_before)
        there = _opens(self.store.candles(ranges, ("rank",)), files)
        brought = _opens(self.store.staged(staged, ranges, ("rank",)), files)
        groups = [
            group
            for series in ranges
            for group in self._silences(
                series,
                Stated(self._claimed.get(series, {}), there.get(series, {}), silent.get(series, {})),
                Stated(new[series], brought.get(series, {})),
                files[series],
            )
        ]
        before = by_sources(found_before)
        found = [d for group in groups for d in group.differences(before.get(group.sources, TimeRanges()))]
        if found:
            self.ledger.record_differences(found)

    def _silences(self, series: Series, before: Stated, new: Stated, files: Files) -> Iterator[DifferingSlots]:
        for source, silent, opens in silent_slots(before, new):
            rows = pl.DataFrame({"open": opens}).with_columns(**dict(zip(SIZES, map(pl.lit, SILENT), strict=True)))
            yield DifferingSlots(series, _named(source, files), self._absent(silent, files), rows, opens)

    def _absent(self, silent: SourceKey, files: Files) -> Origin:
        """A source that is silent: it may be an archive without a file of the pair."""
        _, evidence = silent
        if evidence.startswith(ABSENT):
            identity = evidence.removeprefix(ABSENT)
            paths = (archive.path for archive, _ in self.ledger.complete_archives() if archive.identity == identity)
            return Origin(*silent, next(paths, ""))
        return _named(silent, files)


def _named(key: SourceKey, files: Files) -> Origin:
    source, evidence = key
    return Origin(source, evidence, files.get(evidence, ""))


def _opens(candles: pl.DataFrame, files: Mapping[Series, Files]) -> dict[Series, dict[SourceKey, np.ndarray]]:
    """When the candles open, by the source that has them, the derived ones together; a provisional one is none's."""
    parts = (
        candles.filter(is_settled())
        .with_columns(rank=without_answer(), open=pl.col("time").dt.epoch("s"))
        .partition_by(*_OF_SOURCE, as_dict=True)
    )
    found: dict[Series, dict[SourceKey, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for (name, interval, ranked), rows in parts.items():
        series, rank = Series(Pair.stored(str(name)), int(str(interval))), int(str(ranked))
        source = source_of(rank)
        if source is not None:
            is_nameless = source is Source.DERIVED or from_api(rank)
            key = (source, "") if is_nameless else origin_of(rank, files[series]).key
            found[series][key].append(rows["open"].to_numpy())
    return {series: {key: rising(opens) for key, opens in of_series.items()} for series, of_series in found.items()}
