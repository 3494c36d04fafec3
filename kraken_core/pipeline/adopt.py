"""Adopt: candles that other software wrote become part of what is known, as far as candles alone can prove it.

A candle proves its own slot. Its absence proves nothing: whether nothing traded there, or something was lost, only the
archives can show. A series' newest candle may have been forming when it was written, and proves nothing either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import Source, unproven
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.life import Life, assumed_listing
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.detect import GapRecorder
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.scope import scope_of
from kraken_core.ports import CandleStore, MarketLedger, PairRecord, Progress

_US = 1_000_000


class Adopted(NamedTuple):
    """What was made of a table: its series and candles, the slots they prove, and candles that open at no slot."""

    series: int
    candles: int
    proven: int
    misplaced: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """Takes the candles of a table into the ledger, and changes none of them. Once more changes nothing."""

    store: CandleStore
    ledger: MarketLedger
    tracker: CoverageTracker
    evidence: str  # where the candles were found
    as_of: int
    progress: Progress

    def run(self, stored: Mapping[Series, TimeRange]) -> Adopted:
        """Claim what the candles of these series prove, then cover and detect as after an ingest."""
        ticker = Ticker("import", len(stored), self.progress)
        made = {(a.series, a.start, a.end) for a in self.ledger.assertions() if a.evidence == self.evidence}
        firsts: dict[Pair, dict[int, int]] = defaultdict(dict)
        done = Adopted(0, 0, 0, 0)
        for series in sorted(stored):
            candles = self.store.candles({series: TimeRanges.single(*stored[series])})
            placed = candles.filter((pl.col("time").to_physical() // _US) % series.width == 0)
            claims = self._claims(series, placed)
            self.ledger.claim([claim for claim in claims if (claim.series, claim.start, claim.end) not in made])
            if placed.height:
                firsts[series.pair][series.interval] = placed["time"].to_physical()[0] // _US
            proven = sum(claim.end - claim.start for claim in claims) // series.width
            done = Adopted(
                done.series + 1,
                done.candles + candles.height,
                done.proven + proven,
                done.misplaced + candles.height - placed.height,
            )
            ticker.add(1, candles.height, str(series))
        self._cover(firsts)
        return done

    def _claims(self, series: Series, candles: pl.DataFrame) -> list[Assertion]:
        """A claim for every run of neighbouring candles of one kind of source."""
        runs = (
            candles[:-1]
            .lazy()
            .select((pl.col("time").to_physical() // _US).alias("start"), "source")
            .filter(pl.col("start") + series.width <= self.as_of)
            .with_columns(gap=(pl.col("start").diff() != series.width).fill_null(value=True))
            .with_columns(run=(pl.col("gap") | (pl.col("source") != pl.col("source").shift())).cum_sum())
            .group_by("run", maintain_order=True)
            .agg(pl.first("source"), first=pl.min("start"), last=pl.max("start"))
            .collect()
        )
        return [
            Assertion(
                series, first, last + series.width, _source(source), unproven(source), self.evidence, adopted=True
            )
            for _, source, first, last in runs.iter_rows()
        ]

    def _cover(self, firsts: Mapping[Pair, Mapping[int, int]]) -> None:
        known = {record.pair: record for record in self.ledger.pairs()}
        new = []
        for pair, by_interval in firsts.items():
            record = known.get(pair, PairRecord(pair, None, ()))
            listing = assumed_listing(by_interval)
            if not record.lives and listing is not None:
                record = record._replace(lives=(Life(listing),))
            new.append(record._replace(tier=self.tracker.tiers.of(pair.base)))
        self.ledger.record_pairs(new)
        knowledge = self.tracker.update_coverage_after_ingestion(list(firsts))
        scope = scope_of(self.ledger, Request(), self.as_of)
        GapRecorder(self.ledger, scope).run(knowledge, list(firsts))


def _source(name: str) -> Source:
    """The evidence for a candle's source; for an unknown one the weakest."""
    return Source(name) if name in {Source.CSV, Source.TRADES} else Source.OHLC
