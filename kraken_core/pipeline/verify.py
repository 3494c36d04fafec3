"""Verify: series compared with each other, the ledger with the candles, and the table with its own files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.audit_summary import described, findings, newest
from kraken_core.domain.coverage import DataCoverageRange, by_series
from kraken_core.domain.differences import disagreements
from kraken_core.domain.findings import Findings
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.checks import Basis, Check, Tally, Verification
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.known_pair import KnownPair, known_pairs
from kraken_core.domain.verification.silences import Silence
from kraken_core.pipeline.audited import recounted
from kraken_core.pipeline.pieces import pieces
from kraken_core.pipeline.prices import PriceChecks, PriceRules
from kraken_core.pipeline.settle import settle
from kraken_core.pipeline.unrecorded import unrecorded
from kraken_core.pipeline.witnesses import Silences, Witnesses
from kraken_core.ports import CandleTable, MarketLedger, Progress, TableCheck


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks what is stored of some series, and changes nothing."""

    store: CandleTable
    ledger: MarketLedger
    now: int
    progress: Progress
    rules: PriceRules

    def run(self, series: Collection[Series], window: TimeRange, *, whole: bool = True) -> Verification:
        """Check the series in the window (whole days), and the ``whole`` table's files, or those that have them."""
        files = self.store.verify(None if whole else dict.fromkeys(series, TimeRanges.single(*window)))
        table = _table(files)
        if table.failed:  # then what else would be read is unknown
            return Verification((table,), files_checked=files.files, files_left=files.left)
        version = self.store.version
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        knowledge = Knowledge(lives, self.ledger.assertions({each.pair for each in series}))
        pairs = known_pairs(knowledge, series, window)
        examination, silences = Examination(self.now), Silences()
        for pair in pairs.values():
            slots = sum(ranges.slots(interval * 60) for interval, ranges in pair.covered.items())
            examination.tallies["silences"].looked(pair.series, slots)
        prices = self._look(pairs, window, examination, silences)
        withdraw = settle(self.store, knowledge, series, window, examination)
        suspicious, doubtful = self._doubtful(silences)
        checks = [
            table,
            *(tally.check for tally in examination.tallies.values()),
            self._counts(series, window),
            self._differences(series, window),
            *doubtful,
            self._trade_ids(series, window, knowledge),
            *prices.checks,
        ]
        return Verification(
            checks=tuple(checks),
            withdraw=tuple(withdraw),
            suspects=examination.suspects,
            basis=Basis(version, len(knowledge.claims)),
            suspicious=suspicious,
            unrecorded=unrecorded(self.store, self._findings(series), examination, suspicious, window),
            files_checked=files.files,
            files_left=files.left,
        )

    def _findings(self, series: Collection[Series]) -> dict[Series, Findings]:
        """What is recorded of the series."""
        stored = self.ledger.findings({each.pair for each in series})
        return {each: stored[each] for each in stored.keys() & set(series)}

    def _look(
        self, pairs: Mapping[Pair, KnownPair], window: TimeRange, examination: Examination, silences: Silences
    ) -> PriceChecks:
        """Every candle of the pairs, a piece at a time; what the checks on values found."""
        prices = PriceChecks(self.rules)
        for piece in pieces(self.store, pairs, window, self.progress):
            examination.candles(piece.frame)
            examination.agreement(piece.frame, piece.looks)
            silences.add(piece.frame)
            prices.add(piece)
            for pair in piece.done:
                silences.finish(pairs[pair])
        prices.quotes(self.store, [record.pair for record in self.ledger.pairs()], pairs, window)
        return prices

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
        doubtful = silences.doubtful
        if doubtful:
            witnesses = Witnesses.of(self.store, self.ledger.coverage())
            exchange.looked((series for series, _ in witnesses.known), len(doubtful))
            doubtful, asleep = witnesses.judged(doubtful)
            exchange.report(len(asleep), (f"{span}: nothing traded on the whole exchange" for span in asleep))
        suspicious.report(len(doubtful), map(_describe, doubtful))
        return tuple(doubtful), [suspicious.check, exchange.check]


def _table(found: TableCheck) -> Check:
    tally = Tally("table", checked=1, failed=int(bool(found.damages)))
    tally.report(len(found.damages), (f"{damage.path} {damage.problem}" for damage in found.damages))
    return tally.check


def _describe(silence: Silence) -> str:
    series, start, end, expected = silence
    return f"{series} {TimeRange(start, end)}: nothing traded where {expected:,.0f} trades were to be expected"
