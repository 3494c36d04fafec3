"""What is known of pairs, and what follows: which slots are expected, covered, derivable. No candle is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import Assertion, by_series, known, refuted, standing_claims
from kraken_core.domain.derive import Derivation, Levels, at_least, derivations, levels, levels_of
from kraken_core.domain.life import Life, instants, possible_instants
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import closed
from kraken_core.domain.timerange import TimeRange, TimeRanges

_EVIDENCE = "derived:"


def derived_claim(series: Series, span: TimeRange, derivation: Derivation) -> Assertion:
    """What deriving a range entitles to claim."""
    return Assertion(series, *span, Source.DERIVED, derivation.rank, f"{_EVIDENCE}{derivation.finer}")


def derived_from(claim: Assertion) -> int:
    """The finer interval (minutes) that a derived claim goes back to."""
    return int(claim.evidence.removeprefix(_EVIDENCE))


@dataclass(frozen=True, slots=True)
class DerivationWork:
    """What is to be derived, finest interval first, and which derived claims are void (counter-claims)."""

    derive: tuple[tuple[Pair, Derivation], ...]
    withdraw: tuple[Assertion, ...]

    @property
    def spans(self) -> dict[Series, TimeRanges]:
        """The slots that will be derived, by series."""
        found: dict[Series, list[TimeRange]] = defaultdict(list)
        for pair, derivation in self.derive:
            found[Series(pair, derivation.interval)].extend(derivation.ranges)
        return {series: TimeRanges.of(ranges) for series, ranges in found.items()}


class _SeriesClaims(NamedTuple):
    """What is known of a series: by sources, and what was derived, by evidence and rank."""

    by_sources: Levels
    derived: Mapping[tuple[str, int], TimeRanges]

    @classmethod
    def by(cls, claims: Sequence[Assertion]) -> _SeriesClaims:
        """By the claims of the series, in the order they were made."""
        derived: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        sources: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for claim, start, end in known(claims):
            if claim.source is Source.DERIVED:
                derived[claim.evidence, claim.rank].append((start, end))
            else:
                sources[claim.rank].append((start, end))
        return cls(levels_of(sources), {key: TimeRanges.of(ranges) for key, ranges in derived.items()})

    @property
    def by_all(self) -> Levels:
        """By whatever: what was derived is as good as its rank."""
        if not self.derived:
            return self.by_sources
        return levels([*self.by_sources, *((rank, ranges) for (_, rank), ranges in self.derived.items())])

    @property
    def covered(self) -> TimeRanges:
        """The slots known, by whatever."""
        return at_least(self.by_all, 0)


_NO_CLAIMS = _SeriesClaims([], {})


@dataclass(frozen=True)
class Knowledge:
    """Lives of pairs, and all claims ever made about their series, in order."""

    lives: Mapping[Pair, Sequence[Life]]
    claims: Sequence[Assertion]

    def same_as(self, before: Knowledge | None) -> Knowledge:
        """What was known before, where that is the same: what was worked out of it then need not be again."""
        return before if before is not None and before == self else self

    @cached_property
    def standing_claims(self) -> Sequence[tuple[Assertion, TimeRanges]]:
        """Each claim with the ranges of it that were not withdrawn."""
        return standing_claims(self.claims)

    @cached_property
    def _by_series(self) -> Mapping[Series, _SeriesClaims]:
        return {series: _SeriesClaims.by(claims) for series, claims in by_series(self.claims).items()}

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
                lived = instants(lives)
                for interval in intervals:
                    result[Series(pair, interval)] = slots[interval] & lived.outer(interval * 60)
        return result

    def covered(self) -> Mapping[Series, TimeRanges]:
        """The slots of each series that some source covers; none where nothing is known of its pair's life.

        A claim that a pair did not trade means nothing for one that was never seen to trade.
        """
        return self._covered

    @cached_property
    def _covered(self) -> Mapping[Series, TimeRanges]:
        unseen = {pair for pair, lives in self.lives.items() if not lives}
        return {
            series: claimed.covered
            for series, claimed in self._by_series.items()
            if claimed.covered and series.pair not in unseen
        }

    def derivation_work(self, wanted: Mapping[Series, TimeRanges]) -> DerivationWork:
        """What should be derived and is not, in the expected slots; and what is derived and should not be.

        What was derived before outside the expected slots is kept in step too. Intervals that are not expected of a
        pair are taken as they are.
        """
        if not self._work or self._work[0][0] != wanted:
            self._work[:] = [(wanted, self._derivation_work(wanted))]
        return self._work[0][1]

    @cached_property
    def _work(self) -> list[tuple[Mapping[Series, TimeRanges], DerivationWork]]:
        """What was worked out last, and for which slots: a job that read nothing does just what its plan found."""
        return []

    def _derivation_work(self, wanted: Mapping[Series, TimeRanges]) -> DerivationWork:
        derive: list[tuple[Pair, Derivation]] = []
        withdraw: list[Assertion] = []
        intervals: dict[Pair, list[int]] = defaultdict(list)
        for series in sorted(wanted):
            if self.lives.get(series.pair):
                intervals[series.pair].append(series.interval)
        for pair, chosen in intervals.items():
            own: dict[int, Levels] = {}
            have: dict[tuple[int, str, int], TimeRanges] = {}
            allowed = {interval: wanted[Series(pair, interval)] for interval in chosen}
            for interval in INTERVALS:
                claimed = self._by_series.get(Series(pair, interval), _NO_CLAIMS)
                own[interval] = claimed.by_sources if interval in chosen else claimed.by_all
                for (evidence, rank), ranges in claimed.derived.items() if interval in chosen else ():
                    have[interval, evidence, rank] = ranges
                    allowed[interval] |= ranges  # coarser slots may have been built on it
            life = possible_instants(self.lives[pair])
            for derivation in derivations(own, life, allowed):
                series = Series(pair, derivation.interval)
                key = (derivation.interval, f"{_EVIDENCE}{derivation.finer}", derivation.rank)
                in_store = have.pop(key, TimeRanges())
                withdraw += _counter_claims(series, key, in_store - derivation.ranges)
                if todo := derivation.ranges - in_store:
                    derive.append((pair, Derivation(derivation.interval, derivation.finer, derivation.rank, todo)))
            for key, moot in have.items():
                withdraw += _counter_claims(Series(pair, key[0]), key, moot)
        derive.sort(key=lambda item: (item[1].interval, item[1].finer, item[0]))
        return DerivationWork(tuple(derive), tuple(withdraw))


def _counter_claims(series: Series, key: tuple[int, str, int], ranges: TimeRanges) -> list[Assertion]:
    _, evidence, rank = key
    return [Assertion(series, *r, Source.DERIVED, rank, evidence, withdrawn=True) for r in ranges]
