"""Rename: what was stored under a wrong name gets the exchange's, once (domain rule 1).

Candles first, as always: copied to their right name, where ranks decide about slots that are stored there, and only
then removed from the wrong one; then the ledger, in one transaction. A crash between any two steps leaves candles or
claims of the old name, which the next job finds and renames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, KEY
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.names import Names
from kraken_core.domain.plural import counted
from kraken_core.domain.request import Request
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.failpoints import reached
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleStore, JobLedger, MarketLedger

_EVER = TimeRanges.single(0, END_OF_TIME)


class NameLedger(JobLedger, MarketLedger, Protocol):
    """What pairs are recorded in by their names."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Carries out what the exchange's names correct. Only for the holder of the lease."""

    store: CandleStore
    ledger: NameLedger
    tracker: CoverageTracker

    def run(self, job_id: int, names: Names, as_of: int) -> None:
        """Record the names, and rename every pair with a wrong one; each is reported, with what was moved."""
        self.ledger.remember_names(names)
        renames = names.corrections([record.pair for record in self.ledger.pairs()])
        if not renames:
            return
        candles = {old: move_candles(self.store, old, new) for old, new in renames.items()}
        reached("rename.candles")
        rows = self.ledger.rename_pairs(renames)
        for old, new in renames.items():
            message = (
                f"{old} is called {new} at the exchange: renamed {counted(candles[old], 'candle')}, "
                f"{counted(rows[old].files, 'file')} and {counted(rows[old].claims, 'claim')}"
            )
            self.ledger.add_event(job_id, "renamed", message)
        pairs = sorted(set(renames.values()))
        knowledge = self.tracker.update_coverage_after_ingestion(pairs)
        request = Request(pairs=tuple(pairs), backfill=True)  # which expects nothing more than was expected before
        GapRecorder(self.ledger, scope_of(self.ledger, request, as_of)).run(knowledge, pairs)


def move_candles(store: CandleStore, old: Pair, new: Pair) -> int:
    """Have the candles of a pair be another one's; returns how many there were."""
    moved = 0
    for interval in INTERVALS:
        series = Series(old, interval)
        candles = store.candles({series: _EVER}, FULL_SCHEMA)
        if candles.height:
            store.commit([store.stage(candles.with_columns(pair=pl.lit(str(new))).sort(KEY))])
            reached("rename.copied")
            store.commit([], drop={series: _EVER})
            moved += candles.height
    return moved


def move_all(store: CandleStore, renames: Mapping[Pair, Pair]) -> None:
    """Move candles from old names; for restoring an earlier state of the table."""
    for old, new in renames.items():
        move_candles(store, old, new)
