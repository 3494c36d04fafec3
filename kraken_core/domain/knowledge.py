"""What is known of pairs, and what follows: which slots are wanted, covered, derivable. No candle is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import Assertion, covered, refuted, standing
from kraken_core.domain.derive import Derivation, Levels, derivations, levels
from kraken_core.domain.life import Life, instants, lived
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import closed
from kraken_core.domain.timerange import TimeRange, TimeRanges

_EVIDENCE = "derived:"


def derived_claim(series: Series, span: TimeRange, derivation: Derivation) -> Assertion:
    """What deriving a range entitles to claim."""
    return Assertion(series, *span, Source.DERIVED, derivation.rank, f"{_EVIDENCE}{derivation.finer}")


@dataclass(frozen=True, slots=True)
class DerivationWork:
    """What is to be derived, finest interval first, and which derived claims no longer hold (counter-claims)."""

    derive: tuple[tuple[Pair, Derivation], ...]
    withdraw: tuple[Assertion, ...]

    @property
    def spans(self) -> dict[Series, TimeRanges]:
        """The slots that will be derived, by series."""
        found: dict[Series, list[TimeRange]] = defaultdict(list)
        for pair, derivation in self.derive:
            found[Series(pair, derivation.interval)].extend(derivation.ranges)
        return {series: TimeRanges.of(ranges) for series, ranges in found.items()}


@dataclass(frozen=True)
class Knowledge:
    """Lives of pairs, and all claims ever made about their series, in order."""

    lives: Mapping[Pair, Sequence[Life]]
    claims: Sequence[Assertion]

    @cached_property
    def standing(self) -> Sequence[tuple[Assertion, TimeRanges]]:
        """Each claim with the ranges of it that were not withdrawn."""
        return standing(self.claims)

    @cached_property
    def refuted(self) -> Mapping[Series, TimeRanges]:
        """Where sources were contradicted."""
        return refuted(self.claims)

    @cached_property
    def refuted_answers(self) -> Mapping[Series, TimeRanges]:
        """Where the exchange's own answers were contradicted."""
        return refuted(claim for claim in self.claims if claim.withdrawn and from_api(claim.rank))

    def wanted(self, pairs: Iterable[Pair], intervals: Collection[int], window: TimeRange) -> dict[Series, TimeRanges]:
        """The slots of each series in its pair's life and in the window; series that never lived are left out."""
        slots = {interval: closed(window, interval * 60) for interval in intervals}
        result = {}
        for pair in pairs:
            if lives := self.lives.get(pair):
                for interval in intervals:
                    result[Series(pair, interval)] = slots[interval] & lived(lives, interval * 60)
        return result

    def covered(self) -> dict[Series, TimeRanges]:
        """The slots of each series that some source knows."""
        return covered(self.claims)

    def derivation_work(self, wanted: Mapping[Series, TimeRanges]) -> DerivationWork:
        """What should be derived and is not, in the wanted slots; and what is derived and should not be.

        What was derived before outside the wanted slots is kept in step too. Intervals that are not wanted of a pair
        are taken as they are.
        """
        derive: list[tuple[Pair, Derivation]] = []
        withdraw: list[Assertion] = []
        intervals: dict[Pair, list[int]] = defaultdict(list)
        for series in sorted(wanted):
            intervals[series.pair].append(series.interval)
        claims = self._by_pair(intervals)
        for pair, chosen in intervals.items():
            have: dict[tuple[int, str, int], TimeRanges] = {}
            own: dict[int, list[tuple[int, TimeRanges]]] = defaultdict(list)
            allowed = {interval: wanted[Series(pair, interval)] for interval in chosen}
            for claim, ranges in claims[pair]:
                if claim.source is Source.DERIVED and claim.series.interval in chosen:
                    have[claim.series.interval, claim.evidence, claim.rank] = ranges
                    allowed[claim.series.interval] |= ranges  # coarser slots may have been built on it
                else:
                    own[claim.series.interval].append((claim.rank, ranges))
            life = instants(self.lives[pair])
            known: dict[int, Levels] = {interval: levels(claimed) for interval, claimed in own.items()}
            for derivation in derivations(known, life, allowed):
                series = Series(pair, derivation.interval)
                key = (derivation.interval, f"{_EVIDENCE}{derivation.finer}", derivation.rank)
                held = have.pop(key, TimeRanges())
                withdraw += _counter_claims(series, key, held - derivation.ranges)
                if todo := derivation.ranges - held:
                    derive.append((pair, Derivation(derivation.interval, derivation.finer, derivation.rank, todo)))
            for key, moot in have.items():
                withdraw += _counter_claims(Series(pair, key[0]), key, moot)
        derive.sort(key=lambda item: (item[1].interval, item[1].finer, item[0]))
        return DerivationWork(tuple(derive), tuple(withdraw))

    def _by_pair(self, pairs: Collection[Pair]) -> dict[Pair, list[tuple[Assertion, TimeRanges]]]:
        result: dict[Pair, list[tuple[Assertion, TimeRanges]]] = {pair: [] for pair in pairs}
        for claim, ranges in self.standing:
            if claim.series.pair in result:
                result[claim.series.pair].append((claim, ranges))
        return result


def _counter_claims(series: Series, key: tuple[int, str, int], ranges: TimeRanges) -> list[Assertion]:
    _, evidence, rank = key
    return [Assertion(series, *r, Source.DERIVED, rank, evidence, withdrawn=True) for r in ranges]
