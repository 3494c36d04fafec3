"""Settle: claims of no trades that other intervals contradict, each found out in turn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kraken_core.domain.coverage import Assertion, counter_claims
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.frame import Frame
from kraken_core.domain.verification.known_pair import KnownPair, known_pairs
from kraken_core.ports import CandleStore, StoredCandles

DAYS_AT_ONCE = 500  # of one pair, which has 1,953 slots a day: about as many candles as are read at once elsewhere
DAY_S = 86_400  # every slot lies within one


def settle(
    store: CandleStore, knowledge: Knowledge, series: Collection[Series], window: TimeRange, examination: Examination
) -> list[Assertion]:
    """The counter-claims to what was contradicted; those days are looked at again, until nothing left of them is.

    A slot that one interval withdrew is compared with the next finer one, which may be wrong in the same way.
    """
    made: list[Assertion] = []
    while suspects := examination.confirmed():
        more = counter_claims(knowledge.standing_claims, suspects)
        made += more
        knowledge = Knowledge(knowledge.lives, [*knowledge.claims, *more])
        days: dict[Pair, TimeRanges] = {}
        for suspect, slots in suspects.items():
            days[suspect.pair] = days.get(suspect.pair, TimeRanges()) | slots
        for pair, known in known_pairs(knowledge, [s for s in series if s.pair in days], window).items():
            for some in _days(days[pair].outer(DAY_S)):
                examination.look_again(pair, some)
                examination.agreement(whole_days(store, {pair: known}, {pair: some}), {pair: known.look(some)})
    return made


def whole_days(store: StoredCandles, pairs: Mapping[Pair, KnownPair], days: Mapping[Pair, TimeRanges]) -> Frame:
    """All candles of the pairs' series in some days."""
    return Frame.read(store.candles, {s: days[pair] for pair, known in pairs.items() for s in known.series}, pairs)


def _days(days: TimeRanges) -> Iterator[TimeRanges]:
    """Days in portions that are read at once."""
    for start, end in days:
        for at in range(start, end, DAYS_AT_ONCE * DAY_S):
            yield TimeRanges.single(at, min(at + DAYS_AT_ONCE * DAY_S, end))
