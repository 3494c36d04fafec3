"""Verify: series compared with each other, the ledger with the candles, and the table with its own files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.audit_summary import described, findings, newest
from kraken_core.domain.coverage import DataCoverageRange, by_series
from kraken_core.domain.differences import disagreements
from kraken_core.domain.grading import Findings
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.verification.checks import Basis, Check, Tally, Verification
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.known_pair import KnownPair, known_pairs
from kraken_core.domain.verification.silences import KNOWN_SILENCES, Silence, unexplained
from kraken_core.pipeline.audited import recounted
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.settle import DAY_S, settle, whole_days
from kraken_core.pipeline.unrecorded import unrecorded
from kraken_core.pipeline.witnesses import Silences, Witnesses
from kraken_core.ports import CandleTable, MarketLedger, Progress

CANDLES_AT_ONCE = 1_000_000  # about: bounds the memory
_SKEW = 2  # pieces of a pair may be so many times as dense as it is on average

Spans = dict[Pair, TimeRange]


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks what is stored of some series, and changes nothing."""

    store: CandleTable
    ledger: MarketLedger
    now: int
    progress: Progress

    def run(self, series: Collection[Series], window: TimeRange) -> Verification:
        """Check the series in the window (whole days), and the whole table's files."""
        table = self._table()
        if table.failed:  # then what else would be read is unknown
            return Verification((table,))
        version = self.store.version
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        knowledge = Knowledge(lives, self.ledger.assertions({each.pair for each in series}))
        pairs = known_pairs(knowledge, series, window)
        examination, silences = Examination(self.now), Silences()
        for pair in pairs.values():
            slots = sum(ranges.slots(interval * 60) for interval, ranges in pair.covered.items())
            examination.tallies["silences"].looked(pair.series, slots)
        self._look(pairs, window, examination, silences)
        withdraw = settle(self.store, knowledge, series, window, examination)
        suspicious, doubtful = self._doubtful(silences)
        checks = [
            table,
            *(tally.check for tally in examination.tallies.values()),
            self._counts(series, window),
            self._differences(series, window),
            *doubtful,
            self._trade_ids(series, window, knowledge),
        ]
        return Verification(
            checks=tuple(checks),
            withdraw=tuple(withdraw),
            suspects=examination.suspects,
            basis=Basis(version, len(knowledge.claims)),
            suspicious=suspicious,
            unrecorded=unrecorded(self.store, self._findings(series), examination, suspicious, window),
        )

    def _findings(self, series: Collection[Series]) -> dict[Series, Findings]:
        """What is recorded of the series."""
        stored = self.ledger.findings({each.pair for each in series})
        return {each: stored[each] for each in stored.keys() & set(series)}

    def _look(
        self, pairs: Mapping[Pair, KnownPair], window: TimeRange, examination: Examination, silences: Silences
    ) -> None:
        """Every candle of the pairs, a frame at a time."""
        counts = self._candles(pairs, window)
        ticker = Ticker("verify", sum(counts.values()), self.progress)
        for spans in _batches(pairs, counts, window):
            chosen = {pair: pairs[pair] for pair in spans}
            days = {pair: TimeRanges.single(*span) for pair, span in spans.items()}
            frame = whole_days(self.store, chosen, days)
            examination.candles(frame)
            examination.agreement(frame, {pair: known.look(days[pair]) for pair, known in chosen.items()})
            silences.add(frame)
            for pair, span in spans.items():
                if span.end == window.end:
                    silences.finish(pairs[pair])
            ticker.add(frame.candles.height, frame.candles.height, str(next(iter(spans))))

    def _candles(self, pairs: Mapping[Pair, KnownPair], window: TimeRange) -> dict[Pair, int]:
        found = self.store.count({s: TimeRanges.single(*window) for known in pairs.values() for s in known.series})
        counts = dict.fromkeys(pairs, 0)
        for series, candles in found.items():
            counts[series.pair] += sum(candles)
        return counts

    def _table(self) -> Check:
        damages = self.store.verify()
        tally = Tally("table", checked=1, failed=int(bool(damages)))
        tally.report(len(damages), (f"{damage.path} {damage.problem}" for damage in damages))
        return tally.check

    def _counts(self, series: Collection[Series], window: TimeRange) -> Check:
        """The ledger's counts of candles against those of the table."""
        tally = Tally("counts")
        ranges: dict[tuple[str, str], dict[Series, list[DataCoverageRange]]] = defaultdict(lambda: defaultdict(list))
        for known in self.ledger.coverage(series):
            if known.start < window.end and window.start < known.end:  # those of one source and grade never touch
                ranges[known.source, known.grade][known.series].append(known)
        for recorded in ranges.values():
            counted = self.store.count({s: TimeRanges.of((r.start, r.end) for r in f) for s, f in recorded.items()})
            for of, found in recorded.items():
                tally.looked([of], len(found))
                wrong = [(r, n) for r, n in zip(found, counted[of], strict=True) if r.candles != n]
                examples = ((TimeRange(r.start, r.end), r.candles, n) for r, n in wrong)
                tally.fail(
                    len(wrong), (f"{of} {span}: {old:,} were counted, {n:,} are there" for span, old, n in examples)
                )
        return tally.check

    def _differences(self, series: Collection[Series], window: TimeRange) -> Check:
        """Where sources differ: a finding with its size. Nothing fails by it, and nothing is withdrawn."""
        tally = Tally("differences")
        for known in self.ledger.coverage(series):
            tally.looked([known.series], (known.end - known.start) // known.series.width)
        found = [d for d in self.ledger.differences(series) if d.start < window.end and window.start < d.end]
        sources = disagreements(found)
        tally.report(len(sources), (each.description for each in sources))
        return tally.check

    def _trade_ids(self, series: Collection[Series], window: TimeRange, knowledge: Knowledge) -> Check:
        """What audits proved counts as many trades still; where they found a difference is a finding with its size."""
        tally = Tally("trade ids")
        wanted = set(series)
        spans = [
            span
            for span in newest(self.ledger.audits({each.pair for each in series}))
            if span.series in wanted and span.start < window.end and window.start < span.end
        ]
        for span in spans:
            tally.looked([span.series], span.slots)
        proved = [span for span in spans if span.verdict is AuditVerdict.PROVED]
        now = recounted(self.store, self.ledger, proved, by_series(knowledge.claims))
        wrong = [each for each in now.values() if each.verdict is not AuditVerdict.PROVED]
        tally.fail(len(wrong), (f"{described(each)}; they were as many" for each in wrong))
        differing = findings(spans)
        tally.report(len(differing), map(described, differing))
        return tally.check

    def _doubtful(self, silences: Silences) -> tuple[tuple[Silence, ...], list[Check]]:
        """Silences that nothing explains, with their checks; and the whole exchange's, which explain others."""
        suspicious, exchange = Tally("suspicious"), Tally("exchange")
        for series, spans in silences.looked.items():
            suspicious.looked([series], spans)
        asleep, doubtful = TimeRanges(), silences.doubtful
        if doubtful:
            witnesses = Witnesses.of(self.store, self.ledger.coverage())
            exchange.looked((series for series, _ in witnesses.known), len(doubtful))
            asleep = witnesses.asleep(TimeRanges.of((s.start, s.end) for s in doubtful))
            exchange.report(len(asleep), (f"{span}: nothing traded on the whole exchange" for span in asleep))
        left = unexplained(doubtful, asleep - KNOWN_SILENCES)
        suspicious.report(len(left), map(_describe, left))
        return tuple(left), [suspicious.check, exchange.check]


def _describe(silence: Silence) -> str:
    series, start, end, expected = silence
    return f"{series} {TimeRange(start, end)}: nothing traded where {expected:,.0f} trades were to be expected"


def _batches(pairs: Mapping[Pair, KnownPair], counts: Mapping[Pair, int], window: TimeRange) -> Iterator[Spans]:
    """What to read at once: many small pairs, or some whole days of a large one."""
    batch: Spans = {}
    room = CANDLES_AT_ONCE
    for pair, known in pairs.items():
        if counts[pair] > CANDLES_AT_ONCE:
            yield from ({pair: piece} for piece in _pieces(known, counts[pair], window))
            continue
        if counts[pair] > room:
            yield batch
            batch, room = {}, CANDLES_AT_ONCE
        batch[pair] = window
        room -= counts[pair]
    if batch:
        yield batch


def _pieces(known: KnownPair, candles: int, window: TimeRange) -> Iterator[TimeRange]:
    hull = TimeRanges.of(span for ranges in known.covered.values() for span in ranges).hull
    step = max(DAY_S, floor((hull.end - hull.start) // (candles // CANDLES_AT_ONCE * _SKEW), DAY_S))
    start = window.start
    for cut in range(floor(hull.start, DAY_S) + step, hull.end, step):
        if window.start < cut < window.end:
            yield TimeRange(start, cut)
            start = cut
    yield TimeRange(start, window.end)
