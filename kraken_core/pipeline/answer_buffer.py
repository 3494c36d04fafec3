"""Answers that wait to be committed together: candles into the table first, then claims into the ledger."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl

from kraken_core.domain.candles import KEY, Source, answered
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.kept_trades import TradeSource, kept
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.ask import Answer
from kraken_core.pipeline.derive import above
from kraken_core.pipeline.differences import Differing
from kraken_core.pipeline.keep_trades import KeptOffer, TradeKeeper, offer_of
from kraken_core.pipeline.spent import Spent
from kraken_core.ports import CandleStore, ClaimLedger, DifferenceLedger, JobLedger, PairLedger

BUFFERED_ANSWERS = 32  # waiting to be committed, at most: a commit costs about as much however many there are
_EXAMPLES = 3  # rows that a message shows
BUFFERED_S = 1.0  # nor does one wait longer than this
LOG = logging.getLogger("kraken_core")


class AnswerLedger(JobLedger, ClaimLedger, PairLedger, DifferenceLedger, Protocol):
    """What answers are recorded in."""


@dataclass(slots=True)
class AnswerBuffer:
    """Answers that wait to be committed together; ``covered`` is what was covered before."""

    store: CandleStore
    ledger: AnswerLedger
    job: IngestionJob
    covered: dict[Series, TimeRanges]
    spent: Spent
    keeper: TradeKeeper | None = None
    answers: list[Answer] = field(default_factory=list)
    skipped: dict[tuple[Pair, Source], list[str]] = field(default_factory=lambda: defaultdict(list))
    since: float = 0.0
    problems: dict[Pair, str] = field(default_factory=dict)
    phantoms: Counter[Pair] = field(default_factory=Counter)
    metrics: JobMetrics = field(init=False)
    differing: Differing = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = self.spent.metrics
        self.differing = Differing(self.store, self.ledger, self.job.id)

    @property
    def patience(self) -> float:
        """How long the oldest may still wait, in seconds."""
        return max(0.0, self.since + BUFFERED_S - time.monotonic()) if self.answers else BUFFERED_S

    def add(self, answer: Answer) -> None:
        """One more, which waits."""
        self.since = self.since if self.answers else time.monotonic()
        self.answers.append(answer)
        self.phantoms[answer.series.pair] += sum(span.phantoms for span in answer.spans)
        if answer.problem:
            LOG.warning("%s: %s", answer.series.pair, answer.problem)
            self.problems[answer.series.pair] = answer.problem

    def record_phantoms(self) -> None:
        """Report which ids stayed away, once for each pair."""
        for pair, count in self.phantoms.items():
            if count:
                message = (
                    f"{pair}: {counted(count, 'trade id')} skipped, also when requested again: the "
                    "trades around them are stored, and not proved"
                )
                self.ledger.add_event(self.job.id, "phantoms", message)

    def record_skipped(self) -> dict[Pair, str]:
        """Report which rows could not be read, of each pair and endpoint; returns the reason of what is missing."""
        failures = {}
        for (pair, source), rows in self.skipped.items():
            endpoint = "Trades" if source is Source.TRADES else "OHLC"
            message = (
                f"{pair}: {counted(len(rows), 'row')} the exchange returned for {endpoint} could not be read, skipped; "
                f"what is around them stays unknown: {'; '.join(list(dict.fromkeys(rows))[:_EXAMPLES])}"
            )
            self.ledger.add_event(self.job.id, "skipped", message)
            failures[pair] = message
        return failures

    def commit_if_due(self) -> None:
        """Commit where there are many, or one has waited long."""
        if len(self.answers) >= BUFFERED_ANSWERS or (self.answers and not self.patience):
            self.commit()

    def commit(self) -> None:
        """Candles into the table, then claims, sweeps and metrics into the ledger."""
        if not self.answers:
            return
        if self.keeper:
            self.keeper.keep(_kept(self.answers))
        frames = _frames(self.answers, self.job.as_of)
        opens = _candles_of(self.answers)
        self.ledger.begin_change(above((series, _hull(series, found)) for series, found in opens.items() if len(found)))
        claims = self._claims()
        merged, changed = self.differing.commit([self.store.stage(frame) for frame in frames], claims=claims)
        stale: dict[Series, TimeRanges] = {}
        for series, found in opens.items():
            counts = merged.get(series)
            # An unexpected candle, in a slot covered before: what was derived from it is no longer true.
            if counts and (counts.altered or counts.new > _outside(found, self.covered.get(series, TimeRanges()))):
                stale |= _coarser(series, found, stale)
        metrics = replace(
            self.metrics,
            records_read=self.metrics.records_read + sum(answer.rows for answer in self.answers),
            records_ingested=self.metrics.records_ingested + sum(counts.new for counts in merged.values()),
            records_changed=self.metrics.records_changed + sum(changed.values()),
            records_rejected=self.metrics.records_rejected + sum(len(answer.skipped) for answer in self.answers),
        )
        for answer in self.answers:
            if answer.skipped:
                self.skipped[answer.series.pair, answer.source] += answer.skipped
        self.metrics = self.spent.counted(metrics)
        points = {each.series.pair: each.point for each in self.answers if each.source is Source.TRADES and each.sweeps}
        spans = [span for answer in self.answers for span in answer.spans]
        self.ledger.record_answers(self.job.id, claims, stale, points, self.metrics, spans=spans)
        for answer in self.answers:
            self.covered[answer.series] = self.covered.get(answer.series, TimeRanges()) | answer.known
        self.answers = []

    def _claims(self) -> list[Assertion]:
        """The claims of all answers, those of one sweep joined."""
        alike: dict[tuple[Series, str], list[Answer]] = defaultdict(list)
        for answer in self.answers:
            alike[answer.series, answer.evidence].append(answer)
        claims = []
        for found in alike.values():
            known = TimeRanges.of(span for answer in found for span in answer.known)
            proved = TimeRanges.of(span for answer in found for span in answer.proved)
            claims += found[0]._replace(known=known, proved=proved).claims
        return claims


def _kept(found: Sequence[Answer]) -> list[KeptOffer]:
    """The trades of the answers, as they are offered to the table of trades, and what is claimed of them."""
    offers = []
    for answer in found:
        if answer.trades is not None:
            source, pair = TradeSource.REST if answer.sweeps else TradeSource.LIVE, answer.series.pair
            trades = kept(answer.trades, pair, source)
            offers.append(
                offer_of(source, answer.evidence, trades, pair=pair, known=answer.known, proved=answer.proved)
            )
    return offers


def _frames(found: Sequence[Answer], as_of: int) -> list[pl.DataFrame]:
    """The candles of the answers, by interval and source, as they are staged: later answers go before earlier ones."""
    alike: dict[tuple[int, str], list[pl.DataFrame]] = defaultdict(list)
    for answer in found:
        if answer.candles.height:
            alike[answer.series.interval, answer.source].append(answer.candles)
    return [pl.concat(frames, how="diagonal").sort(KEY).with_columns(rank=answered(as_of)) for frames in alike.values()]


def _candles_of(found: Sequence[Answer]) -> dict[Series, pl.Series]:
    """The opens of the candles that answers brought of each series: epoch seconds, each once."""
    opens: dict[Series, list[pl.Series]] = defaultdict(list)
    for answer in found:
        opens[answer.series].append(answer.candles["time"].dt.epoch("s"))
    return {series: pl.concat(parts).unique().sort() for series, parts in opens.items()}


def _outside(opens: pl.Series, known: TimeRanges) -> int:
    """How many of the opens lie outside the known ranges."""
    places = pl.Series(known.bounds, dtype=pl.Int64).search_sorted(opens, side="right")
    return int((places % 2 == 0).sum())


def _hull(series: Series, opens: pl.Series) -> TimeRanges:
    return TimeRanges.single(opens[0], opens[-1] + series.width)


def _coarser(series: Series, opens: pl.Series, stale: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
    """The coarser slots over the candles, added to those that are stale already."""
    touched = _hull(series, opens)
    coarse = [Series(series.pair, interval) for interval in INTERVALS if interval > series.interval]
    return {each: stale.get(each, TimeRanges()) | touched.outer(each.width) for each in coarse}
