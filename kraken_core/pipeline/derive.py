"""Derive: coarse candles from finer ones, the route that costs nothing but the reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, KEY, TIME, Source, aggregate, derived_rank
from kraken_core.domain.coverage import Assertion, counter_claims, standing_claims
from kraken_core.domain.derive import Derivation
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.interval_units import short
from kraken_core.domain.knowledge import DerivationWork, derived_claim
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.cover import uncover
from kraken_core.pipeline.differences import Differing
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.uncommitted import Uncommitted
from kraken_core.ports import CandleStore, ClaimLedger, CoverageLedger, DifferenceLedger

CHUNK_SLOTS = 2_000_000  # finer slots derived from before a commit: bounds the memory

Chunk: TypeAlias = "list[tuple[Pair, Derivation]]"


class DerivingLedger(ClaimLedger, CoverageLedger, DifferenceLedger, Protocol):
    """What derived candles are recorded in."""


@dataclass(frozen=True, slots=True)
class Derive:
    """The route *derive*: coarse candles from finer ones (domain rule 7), through the same table and ledger."""

    store: CandleStore
    ledger: DerivingLedger
    stop: Callable[[], bool]

    def run(self, work: DerivationWork, ticker: Ticker) -> int:
        """Do the work, finest interval first; what is derived no longer is removed before.

        Returns how many of the derived candles differ from what sources have in their slots. Candles are committed
        before they are claimed, so that a crash in between only costs deriving them again. Raises Interrupted when
        asked to stop.
        """
        differing = Differing(self.store, self.ledger)
        changed = 0
        if work.withdraw:
            withdraw(self.store, self.ledger, work.withdraw)
        for chunks in _groups(_chunks(work.derive)):
            if self.stop():
                raise Interrupted("paused")
            changed += self._derive(chunks, differing, ticker)
        return changed

    def _derive(self, chunks: Sequence[Chunk], differing: Differing, ticker: Ticker) -> int:
        """Derive some chunks, and commit them at once: commits cost more than all else where there is little to do."""
        uncommitted = Uncommitted()
        claims: list[Assertion] = []
        counts: list[int] = []
        for chunk in chunks:
            interval, finer = chunk[0][1].interval, chunk[0][1].finer
            spans: dict[Pair, TimeRanges] = {}
            for pair, derivation in chunk:
                spans[pair] = spans.get(pair, TimeRanges()) | derivation.ranges
            wanted = {Series(pair, finer): ranges for pair, ranges in spans.items()}
            fine = uncommitted.seen_in(self.store.candles(wanted, FULL_SCHEMA), wanted)
            candles = _ranked(aggregate(fine, interval), chunk)
            uncommitted.add(candles, {Series(pair, interval): ranges for pair, ranges in spans.items()})
            claims += [derived_claim(Series(pair, interval), span, d) for pair, d in chunk for span in d.ranges]
            counts.append(candles.height)
        staged = [self.store.stage(candles) for candles in uncommitted.by_interval()]
        changed = sum(differing.commit(staged, uncommitted.clear).changed.values())
        self.ledger.claim(claims)
        for chunk, count in zip(chunks, counts, strict=True):
            pair, derivation = chunk[-1]
            ticker.add(len(chunk), count, f"{pair} {short(derivation.interval)} from {short(derivation.finer)}")
        return changed


def withdraw(store: CandleStore, ledger: DerivingLedger, claims: Sequence[Assertion]) -> None:
    """Remove what these counter-claims withdraw, and append them. What was begun here is done again after a crash."""
    gone = _ranges(claims)
    ledger.begin_change(gone)
    uncover(store, ledger, gone)
    store.commit([], clear=gone)
    ledger.end_change(claims)


def finish_changes(store: CandleStore, ledger: DerivingLedger) -> None:
    """Remove what was derived where a job that ended in between was about to change it, to be derived again."""
    if changing := ledger.changing():
        claims = ledger.assertions({series.pair for series in changing})
        derived = [claim for claim in claims if claim.source is Source.DERIVED]
        withdraw(store, ledger, counter_claims(standing_claims(derived), changing))


def above(rows: Iterable[tuple[Series, TimeRanges]]) -> dict[Series, TimeRanges]:
    """Where what is derived of these rows may be no longer true once they are committed, as ``begin_change`` takes it.

    The next coarser series stands for all that are coarser.
    """
    found: dict[Series, TimeRanges] = {}
    for series, ranges in rows:
        if coarser := next((interval for interval in INTERVALS if interval > series.interval), None):
            derived = Series(series.pair, coarser)
            found[derived] = found.get(derived, TimeRanges()) | ranges
    return found


def _ranked(candles: pl.DataFrame, chunk: Iterable[tuple[Pair, Derivation]]) -> pl.DataFrame:
    """The candles at the ranks at which their slots are known.

    Candles below may rank higher, of a source that does not cover all of the slot, and may do so at any time.
    """
    spans = [
        (str(pair), start, derived_rank(derivation.rank))
        for pair, derivation in chunk
        for start, _ in derivation.ranges
    ]
    ranks = pl.DataFrame(spans, schema={"pair": pl.String, "time": pl.Int64, "rank": pl.Int64}, orient="row").select(
        "pair", pl.from_epoch("time").cast(TIME), "rank"
    )
    known = candles.drop("rank").join_asof(ranks.sort(KEY), on="time", by="pair", check_sortedness=False)
    return known.select(*FULL_SCHEMA)


def _ranges(claims: Iterable[Assertion]) -> dict[Series, TimeRanges]:
    ranges: dict[Series, list[TimeRange]] = defaultdict(list)
    for claim in claims:
        ranges[claim.series].append(TimeRange(claim.start, claim.end))
    return {series: TimeRanges.of(found) for series, found in ranges.items()}


def _groups(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Chunks that follow each other, as many as have about CHUNK_SLOTS finer slots together."""
    group: list[Chunk] = []
    slots = 0
    for chunk in chunks:
        size = sum(_size(derivation) for _, derivation in chunk)
        if group and slots + size > CHUNK_SLOTS:
            yield group
            group, slots = [], 0
        group.append(chunk)
        slots += size
    if group:
        yield group


def _chunks(work: Sequence[tuple[Pair, Derivation]]) -> Iterator[Chunk]:
    """Derivations of one interval from one finer one together, to about CHUNK_SLOTS finer slots."""
    chunk: Chunk = []
    slots = 0
    for pair, whole in work:
        for derivation in _pieces(whole):
            size = _size(derivation)
            kind = (derivation.interval, derivation.finer)
            if chunk and (kind != (chunk[0][1].interval, chunk[0][1].finer) or slots + size > CHUNK_SLOTS):
                yield chunk
                chunk, slots = [], 0
            chunk.append((pair, derivation))
            slots += size
    if chunk:
        yield chunk


def _size(derivation: Derivation) -> int:
    """How many finer slots are read for it."""
    return derivation.ranges.slots(derivation.finer * 60)


def _pieces(whole: Derivation) -> Iterator[Derivation]:
    """A derivation cut along the coarse slots so that none needs more than CHUNK_SLOTS finer ones."""
    step = CHUNK_SLOTS * whole.finer * 60 // (whole.interval * 60) * whole.interval * 60
    if whole.ranges.seconds <= step:
        yield whole
        return
    for start, end in whole.ranges:
        for at in range(start, end, step):
            piece = TimeRanges.single(at, min(at + step, end))
            yield Derivation(whole.interval, whole.finer, whole.rank, piece)
