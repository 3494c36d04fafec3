"""Cross-check: what a job changed, compared with the pair's other intervals before anything is called complete.

Only what was claimed since a pair was looked at last is read, and what has to be read around it (domain rule 12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kraken_core.domain.candles import VALUES
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import instants
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, ceil, floor
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.frame import Frame, inside
from kraken_core.domain.verification.known_pair import KnownPair, Look, known_pairs
from kraken_core.domain.verification.silences import Silence
from kraken_core.domain.verification.watching import Traded, traded_by_pair
from kraken_core.pipeline.cover import CoverageTracker
from kraken_core.pipeline.quiet import Watched, around, narrowed, suspicious, uncounted
from kraken_core.pipeline.settle import DAY_S, settle
from kraken_core.pipeline.witnesses import Witnesses
from kraken_core.ports import CandleStore, MarketLedger, never_stop

COMPARED = (*VALUES, "rank")
CANDLES_AT_ONCE = 2_000_000  # bounds the memory
_EVER = TimeRange(0, END_OF_TIME)
_NOTHING = TimeRanges()
Spans = Mapping[int, TimeRanges]  # by interval
_BySeries = defaultdict[Series, list[Doubt]]


class CrossChecked(NamedTuple):
    """What came of it: the slots whose claims were withdrawn, by series, and whether findings are other than before.

    ``disagreed`` are slots that a finer interval contradicts, by series and that.
    """

    suspects: Mapping[Series, TimeRanges]
    changed: bool
    disagreed: Mapping[Series, Spans] = {}


NOTHING_NEW = CrossChecked({}, changed=False)


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Looks for contradictions and suspicious silences among the series that changed. For the running job only."""

    store: CandleStore
    ledger: MarketLedger
    tracker: CoverageTracker
    stop: Callable[[], bool] = never_stop

    def run(self, knowledge: Knowledge, pairs: Collection[Pair], *, withdraw: bool = True) -> CrossChecked:
        """Look, withdraw what is contradicted, and record what was found. Where nothing was claimed, nothing is read.

        What is withdrawn is recorded first: a crash behind it costs looking again. Who may not ``withdraw`` leaves
        what is contradicted to the next job, which looks at the same again. Raises Interrupted when asked to stop.
        """
        changed, before, newest = self.ledger.unexamined(pairs)
        lived = {pair: instants(knowledge.lives[pair]) for pair in pairs}
        touched = _with_more_life(changed, {pair: lived[pair] - old for pair, old in before.items()}, knowledge)
        if not touched:
            return NOTHING_NEW
        done = {series.pair: lived[series.pair] for series in touched}
        return self._check(knowledge, touched, done, newest, withdraw=withdraw)

    def look_again(self, knowledge: Knowledge, slots: Mapping[Series, TimeRanges]) -> CrossChecked:
        """The same of slots that were looked at before. Nothing is withdrawn."""
        return self._check(knowledge, slots, {}, 0, withdraw=False)

    def judge_again(self) -> None:
        """Judge all silences again in which it matters what other pairs did, by what is stored of these now."""
        self._record_others(*self._findings((), Examination(self.tracker.now), TimeRanges.single(*_EVER)))

    def _check(
        self,
        knowledge: Knowledge,
        touched: Mapping[Series, TimeRanges],
        done: Mapping[Pair, TimeRanges],
        newest: int,
        *,
        withdraw: bool,
    ) -> CrossChecked:
        """Look at slots. With that pairs are ``done``: as they lived by what was known, up to the ``newest`` claim."""
        chosen = {series.pair for series in touched}
        everything = [Series(pair, interval) for pair in chosen for interval in INTERVALS]
        parts = [_Part.of(known, touched) for known in known_pairs(knowledge, everything, _EVER).values()]
        examination = Examination(self.tracker.now)
        for batch in self._batches(parts):
            if self.stop():  # nothing of it is recorded yet: the next job looks again
                raise Interrupted("paused")
            self._compare(batch, examination)
        counter = settle(self.store, knowledge, everything, _EVER, examination)
        if counter and withdraw:
            self.store.commit([], demote=examination.suspects)
            self.ledger.claim(counter)
        within = TimeRanges.of(span for ranges in touched.values() for span in ranges)
        findings, judged = self._findings(parts, examination, around(within, DAY_S))
        own = {series: found for series, found in findings.items() if series.pair in chosen}
        self._record_others({s: found for s, found in findings.items() if s not in own}, judged - chosen)
        self.ledger.record_findings(own, done if withdraw or not counter else {}, newest)
        return CrossChecked(examination.suspects, bool(own), examination.disagreed)

    def _record_others(self, findings: Mapping[Series, Findings], judged: Collection[Pair]) -> None:
        """What follows for pairs of which nothing changed itself.

        It is carried out before the pairs that changed count as looked at: a crash in between costs judging again.
        """
        if judged:
            self.ledger.record_findings(findings, {}, 0)
            self.tracker.update_coverage_after_ingestion(judged)

    def _compare(self, batch: Mapping[Pair, tuple[_Part, TimeRange]], examination: Examination) -> None:
        """What changed of some pairs, or of one in a span."""
        looks = {pair: part.look(span) for pair, (part, span) in batch.items()}
        needed = {Series(pair, i): ranges for pair, look in looks.items() for i, ranges in _needed(look).items()}
        known = {pair: part.known for pair, (part, _) in batch.items()}
        frame = Frame.read(self.store.candles, needed, known, COMPARED)
        if more := _partly_known(frame, looks):
            every = {s: needed.get(s, _NOTHING) | more.get(s, _NOTHING) for s in {*needed, *more}}
            frame = Frame.read(self.store.candles, every, known, COMPARED)
        examination.agreement(frame, looks)

    def _batches(self, parts: Collection[_Part]) -> Iterator[dict[Pair, tuple[_Part, TimeRange]]]:
        """What to read at once: many small pairs, or some days of a large one."""
        batch: dict[Pair, tuple[_Part, TimeRange]] = {}
        room = CANDLES_AT_ONCE
        stored = self._stored(parts)
        for part in parts:
            slots, pair = part.slots, part.known.pair
            candles = min(slots, stored[pair])
            if candles > CANDLES_AT_ONCE:
                hull = TimeRanges.of(span for ranges in part.touched.values() for span in ranges).hull
                start, end = floor(hull.start, DAY_S), ceil(hull.end, DAY_S)
                step = max(DAY_S, floor((end - start) // (slots // CANDLES_AT_ONCE + 1), DAY_S))
                yield from ({pair: (part, TimeRange(at, at + step))} for at in range(start, end, step))
            elif slots:
                if candles > room:
                    yield batch
                    batch, room = {}, CANDLES_AT_ONCE
                batch[pair] = part, _EVER
                room -= candles
        if batch:
            yield batch

    def _stored(self, parts: Collection[_Part]) -> dict[Pair, int]:
        """How many candles there are of each pair: of most pairs far fewer than slots."""
        stored: dict[Pair, int] = defaultdict(int)
        every = [series for part in parts for series in part.known.series]
        for series, found in self.store.count(dict.fromkeys(every, TimeRanges.single(*_EVER))).items():
            stored[series.pair] += sum(found)
        return stored

    @gc_paused()  # there may be doubts by the hundred thousand
    def _findings(
        self, parts: Collection[_Part], examination: Examination, within: TimeRanges
    ) -> tuple[dict[Series, Findings], set[Pair]]:
        """The findings that are other than before, and the pairs with silences that reach into the time ``within``.

        Whether these are explained by the whole exchange's depends on other pairs, of which something changed then.
        """
        again = self.ledger.judged_silences(within)
        before = self.ledger.findings({part.known.pair for part in parts} | {series.pair for series in again})
        touched = {Series(part.known.pair, i): ranges for part in parts for i, ranges in part.touched.items()}
        now = dict(before)
        for series, ranges in touched.items():
            checked = ranges | examination.looked_again.get(series.pair, _NOTHING)
            agreed, disagreed = examination.agreed.get(series, {}), examination.disagreed.get(series, {})
            now[series] = now.get(series, Findings()).compared(checked, agreed, disagreed)
        looked = {series: around(ranges, DAY_S) for series, ranges in touched.items()}
        coverage = self.ledger.coverage(None if again else touched)
        traded = traded_by_pair(coverage)
        for series, spans in again.items():
            looked[series] = looked.get(series, _NOTHING) | spans
        watched = _watched(traded, looked)
        narrow = narrowed(self.store, watched, now)
        found = uncounted(self.store, suspicious(self.store, narrow), now)
        doubts, asleep = self._judged(found, Witnesses.of(self.store, coverage) if again else None)
        for series, ranges in looked.items():
            now[series] = now[series].watched(ranges, doubts[series], asleep[series])
        changed = {series: findings for series, findings in now.items() if findings != before.get(series, Findings())}
        return changed, {series.pair for series in again}

    def _judged(self, silences: Collection[Silence], witnesses: Witnesses | None) -> tuple[_BySeries, _BySeries]:
        """Silences that nothing explains, and those that the whole exchange's does, by series."""
        doubts, explained = _BySeries(list), _BySeries(list)
        if silences:
            witnesses = witnesses or Witnesses.of(self.store, self.ledger.coverage())
            left, _ = witnesses.judged(silences)
            for series, start, end, expected in left:
                doubts[series].append(Doubt(start, end, f"no trades where about {expected:,.0f} were to be expected"))
            for series, start, end in {silence[:3] for silence in silences} - {silence[:3] for silence in left}:
                explained[series].append(Doubt(start, end, "nothing traded on the whole exchange"))
        return doubts, explained


def _with_more_life(
    changed: Mapping[Series, TimeRanges], more: Mapping[Pair, TimeRanges], knowledge: Knowledge
) -> dict[Series, TimeRanges]:
    """What changed, and what was known before of times in which a pair was not known to live then."""
    touched = dict(changed)
    if any(more.values()):
        for series, ranges in knowledge.covered().items():
            if fresh := ranges & more.get(series.pair, _NOTHING).outer(series.width):
                touched[series] = touched.get(series, _NOTHING) | fresh
    return touched


def withdrawn(suspects: Mapping[Series, TimeRanges]) -> str:
    """For people: how many claims of no trades were withdrawn, and of which series."""
    slots = sum(ranges.slots(series.width) for series, ranges in suspects.items())
    first, *others = sorted(suspects)
    more = f" and {len(others):,} more series" if others else ""
    return f"{counted(slots, 'slot')} of {first}{more} claimed without trades became gaps: other intervals have trades"


@dataclass(frozen=True, slots=True)
class _Part:
    """A pair of which something changed: ``touched`` are the slots of each interval that are to be looked at again."""

    known: KnownPair
    touched: Spans

    @classmethod
    def of(cls, known: KnownPair, changed: Mapping[Series, TimeRanges]) -> _Part:
        """A slot is touched where it, or anything finer in it, changed."""
        touched: dict[int, TimeRanges] = {}
        finer = _NOTHING
        for interval in INTERVALS:
            finer = (finer | changed.get(Series(known.pair, interval), _NOTHING)).outer(interval * 60)
            touched[interval] = finer
        return cls(known, touched)

    @property
    def slots(self) -> int:
        """How many candles there may be to read, at most."""
        return sum(ranges.slots(i * 60) for i, ranges in _needed(self.look(_EVER)).items())

    def look(self, span: TimeRange) -> Look:
        """What is to be looked at in a span of whole days: what was derived only repeats its origin."""
        checked = {i: (ranges & self.known.observed[i]).clip(*span) for i, ranges in self.touched.items()}
        compare = [each._replace(slots=each.slots & checked[each.coarse]) for each in self.known.comparisons]
        finest = min((i for i, ranges in self.known.covered.items() if ranges), default=INTERVALS[0])
        return Look([each for each in compare if each.slots], {i: r for i, r in checked.items() if i > finest})


def _watched(traded: Mapping[Pair, Traded], looked: Mapping[Series, TimeRanges]) -> list[Watched]:
    """The series whose silences no finer one explains, where they or their surroundings are to be looked at."""
    reach = {pair: each.watched for pair, each in traded.items()}
    found = []
    for series, ranges in looked.items():
        slots = reach.get(series.pair, {}).get(series.interval, _NOTHING)
        if within := ranges & slots:
            found.append(Watched(series, traded[series.pair].covered[series.interval], slots, within))
    return found


def _needed(look: Look) -> dict[int, TimeRanges]:
    """The slots of each interval whose candles have to be at hand."""
    needed = dict(look.silent)
    for coarse, fine, slots in look.compare:
        for interval in (coarse, fine):
            needed[interval] = needed.get(interval, _NOTHING) | slots
    return {interval: ranges for interval, ranges in needed.items() if ranges}


def _partly_known(frame: Frame, looks: Mapping[Pair, Look]) -> dict[Series, TimeRanges]:
    """Finer slots inside of ones without trades that no finer interval covers as a whole: any candle in them counts."""
    more: dict[Series, TimeRanges] = {}
    for pair, look in looks.items():
        for interval, ranges in look.silent.items():
            whole = TimeRanges.of(span for each in look.compare if each.coarse == interval for span in each.slots)
            if left := ranges - whole:
                series = Series(pair, interval)
                opens = frame.opens(series)
                left -= TimeRanges.of((at, at + series.width) for at in opens[inside(opens, left)].tolist())
                for finer in (i for i, slots in frame.pairs[pair].covered.items() if i < interval and left and slots):
                    each = Series(pair, finer)
                    more[each] = more.get(each, _NOTHING) | left
    return more
