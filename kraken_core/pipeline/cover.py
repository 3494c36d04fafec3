"""Cover: from claims to covered ranges, after files were read or slots derived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from kraken_core.domain.absent_files import absence_claims, pairs_in, wrong_absences
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import (
    Assertion,
    CoverageSource,
    DataCoverageRange,
    counter_claims,
    standing_claims,
)
from kraken_core.domain.differences import contested
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.grades import Grade
from kraken_core.domain.grading import graded_ranges
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life, assumed_listing, instants
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import BY_RULES
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRanges, floor
from kraken_core.pipeline.audited import audited
from kraken_core.pipeline.presence import Presence
from kraken_core.ports import CandleStore, CoverageLedger, MarketLedger, PairRecord

_DAY_S = 86_400  # the coarsest slot


@dataclass(frozen=True, slots=True)
class CoverageTracker:
    """Keeps the ledger's pairs, their lives and their covered ranges in step with the claims made."""

    store: CandleStore
    ledger: MarketLedger
    tiers: Tiers
    now: int

    @gc_paused()
    def update_coverage_after_ingestion(self, pairs: Collection[Pair]) -> Knowledge:
        """Bring lives and covered ranges of the pairs up to date; returns what is known of them now."""
        lives = self._update_lives(pairs)
        changing = self.ledger.changing()
        claims = self.ledger.assertions(pairs)
        if changing:  # a job ended before the claims said what the table has
            derived = (claim for claim in claims if claim.source is Source.DERIVED and claim.series in changing)
            claims += counter_claims(standing_claims(derived), changing)
        claims += self._claim_absences([pair for pair in pairs if lives[pair]], claims)
        self._update_ranges(claims, lives)
        return Knowledge(lives, claims)

    def _update_lives(self, pairs: Collection[Pair]) -> dict[Pair, Sequence[Life]]:
        """Unknown listings are assumed to be the first candles seen, and may move to earlier ones."""
        firsts: dict[Pair, dict[int, int]] = defaultdict(dict)
        for series, first in self.ledger.first_candles(pairs).items():
            firsts[series.pair][series.interval] = first
        for series, span in self.ledger.unread_spans().items():
            if seen := firsts.get(series.pair):  # and it may have traded before that
                seen[series.interval] = min(span.start, seen.get(series.interval, span.start))
        records = {record.pair: record for record in self.ledger.pairs()}
        changed = []
        lives: dict[Pair, Sequence[Life]] = {}
        for pair in pairs:
            before = records.get(pair, PairRecord(pair, None, ()))
            record = before._replace(tier=self.tiers.of(pair.base))
            listing = assumed_listing(firsts[pair])
            if listing is not None and not before.lives:
                record = record._replace(lives=(Life(listing),))
            elif listing is not None and before.lives[0].assumed:
                oldest, *others = before.lives
                # The exchange may have returned a trade on an earlier day; within a day, finer candles are more exact.
                start = oldest.start if oldest.start < floor(listing, _DAY_S) else listing
                record = record._replace(lives=(Life(start, oldest.end), *others))
            if record != before:
                changed.append(record)
            lives[pair] = record.lives
        if changed:
            self.ledger.record_pairs(changed)
        return lives

    def _claim_absences(self, pairs: Collection[Pair], before: Sequence[Assertion]) -> list[Assertion]:
        """Complete archives without a file of a pair assert its silence, whichever of the two was known first.

        What they asserted of pairs that turned out to be in them, or to be of another exchange, is withdrawn.
        """
        complete = self.ledger.complete_archives()
        names = self.ledger.names() if any(archive.other_names for archive, _ in complete) else BY_RULES
        inside = {archive.identity: pairs_in(archive, stored_now, names) for archive, stored_now in complete}
        made = {(a.series, a.evidence) for a in before} if complete else set()
        wrong = [claim for claim, _ in standing_claims(wrong_absences(before, inside))] if complete else []
        absences = [
            claim
            for archive, _ in complete
            if archive.statement.end is not None and archive.statement.end <= self.now
            for claim in absence_claims(archive, inside[archive.identity], pairs)
            if (claim.series, claim.evidence) not in made
        ]
        claims = [*(claim._replace(withdrawn=True) for claim in wrong), *absences]
        if claims:
            Presence(self.store, self.ledger).record((), absences, {})
            self.ledger.claim(claims)
        return claims

    def _update_ranges(self, claims: Sequence[Assertion], lives: Mapping[Pair, Sequence[Life]]) -> None:
        lived = {pair: instants(of_pair) for pair, of_pair in lives.items()}
        alive = {series: lived[series.pair].outer(series.width) for series in {claim.series for claim in claims}}
        covered = graded_ranges(
            claims,
            alive,
            self.ledger.findings(lives.keys()),
            contested(self.ledger.differences(alive)),
            audited(self.store, self.ledger, lives.keys(), claims),
            ambiguous=self.ledger.doubted_contents(lives.keys()),
        )
        self.ledger.replace_coverage(counted(self.store, covered))

    def recounted(self) -> tuple[dict[Series, list[DataCoverageRange]], list[Series]]:
        """The recorded ranges whose counts of candles differ from the table's, by series, counted again.

        And the series of those of which the table has fewer candles somewhere than were counted.
        """
        recorded: dict[Series, list[DataCoverageRange]] = defaultdict(list)
        for known in self.ledger.coverage():
            recorded[known.series].append(known)
        now = counted(self.store, recorded)
        wrong = {series: ranges for series, ranges in now.items() if ranges != recorded[series]}
        lost = [series for series, ranges in wrong.items() if _any_fewer(recorded[series], ranges)]
        return wrong, lost

    def lost_ranges(self) -> dict[Series, TimeRanges]:
        """The recorded ranges of which the table has fewer candles than were counted."""
        wrong, lost = self.recounted()
        recorded: dict[Series, list[DataCoverageRange]] = defaultdict(list)
        for known in self.ledger.coverage(lost):
            recorded[known.series].append(known)
        return {
            series: TimeRanges.of(
                (before.start, before.end)
                for before, now in zip(recorded[series], wrong[series], strict=True)
                if now.candles < before.candles
            )
            for series in lost
        }


def uncover(store: CandleStore, ledger: CoverageLedger, gone: Mapping[Series, TimeRanges]) -> None:
    """Record that ranges are not covered any more, before their candles go: a job may end in between."""
    left: dict[Series, list[DataCoverageRange]] = {series: [] for series in gone}
    for known in ledger.coverage(list(gone)):
        rest = TimeRanges.single(known.start, known.end) - gone[known.series]
        left[known.series] += [known._replace(start=start, end=end) for start, end in rest]
    ledger.replace_coverage(counted(store, left))


def counted(
    store: CandleStore, covered: Mapping[Series, Sequence[DataCoverageRange]]
) -> dict[Series, list[DataCoverageRange]]:
    """The ranges with the candles the table has in each."""
    by_kind: dict[tuple[CoverageSource, Grade], dict[Series, list[DataCoverageRange]]] = defaultdict(dict)
    for series, found in covered.items():
        for covering in found:
            by_kind[covering.source, covering.grade].setdefault(series, []).append(covering)
    result: dict[Series, list[DataCoverageRange]] = {series: [] for series in covered}
    for of_kind in by_kind.values():  # ranges of one kind never touch, so that each is counted by itself
        ranges = {series: TimeRanges.of((r.start, r.end) for r in found) for series, found in of_kind.items()}
        for series, counts in store.count(ranges).items():
            found = of_kind[series]
            result[series] += [r._replace(candles=n) for r, n in zip(found, counts, strict=True)]
    return {series: sorted(found, key=attrgetter("start")) for series, found in result.items()}


def _any_fewer(recorded: Iterable[DataCoverageRange], counted: Iterable[DataCoverageRange]) -> bool:
    return any(now.candles < before.candles for before, now in zip(recorded, counted, strict=True))
