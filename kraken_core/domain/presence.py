"""Where one source has a candle, and another one claims the slot without: they differ there (domain rules 6 and 13).

Which source a candle in force is of shows in its rank. Of one that lost its slot nothing is left, so this is looked at
whenever a source comes: it is compared with those that came before, and with those that come with it.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import standing_claims
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.frame import inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from kraken_core.domain.coverage import Assertion
    from kraken_core.domain.differences import Difference
    from kraken_core.domain.market import Series

    Opens: TypeAlias = NDArray[np.int64]  # epoch seconds, rising

SourceKey: TypeAlias = "tuple[Source, str]"  # as Origin.key

_DERIVED: SourceKey = (Source.DERIVED, "")  # no source of its own
_NONE: Opens = np.empty(0, dtype=np.int64)
_NOTHING = TimeRanges()
_NOWHERE: Mapping[SourceKey, TimeRanges] = {}


class Stated(NamedTuple):
    """What sources say of a series: the slots that each claims, and the opens of the candles that each has.

    ``silent`` is where each is known to have none.
    """

    claims: Mapping[SourceKey, TimeRanges]
    opens: Mapping[SourceKey, Opens]
    silent: Mapping[SourceKey, TimeRanges] = _NOWHERE


def claims_of_sources(assertions: Iterable[Assertion]) -> dict[Series, dict[SourceKey, TimeRanges]]:
    """The slots of each series that each source claims, all answers of one endpoint as one.

    What is derived is no source of its own, and what was adopted goes back to sources that nobody knows.
    """
    found: dict[Series, dict[SourceKey, TimeRanges]] = defaultdict(dict)
    for claim, ranges in standing_claims(assertions):
        if claim.source is not Source.DERIVED and not claim.adopted:
            key = claim.source, "" if from_api(claim.rank) else claim.evidence
            found[claim.series][key] = found[claim.series].get(key, _NOTHING) | ranges
    return found


def shared(before: Mapping[SourceKey, TimeRanges], new: Mapping[SourceKey, TimeRanges]) -> TimeRanges:
    """What new sources claim that any other source, an earlier or a new one, claims too."""
    found = _NOTHING
    for key, ranges in new.items():
        for other, theirs in chain(before.items(), new.items()):
            if other != key:
                found |= ranges & theirs
    return found


def silent_slots(before: Stated, new: Stated) -> Iterator[tuple[SourceKey, SourceKey, Opens]]:
    """Where one source has a candle and another one, which claims the slot, has none: both, and the opens.

    Of new sources all candles are known. Of earlier ones only those in force are: where there is one, a derived one
    too, whether the others had one was looked at when they came; where there is none, none of them had. One that is
    known to be silent is compared with every one that comes.
    """
    taken = rising(before.opens.values())
    for silent in sorted({*before.claims, *new.claims}):
        own = new.opens.get(silent, _NONE)
        expected, denied = (of.claims.get(silent, _NOTHING) for of in (new, before))
        for source in sorted({*before.opens, *new.opens} - {silent, _DERIVED}):
            brought = new.opens.get(source, _NONE)
            found = (
                _inside(before.opens.get(source, _NONE), expected),
                _inside(brought, expected),
                _without(_inside(brought, denied), taken),
                _inside(brought, denied & before.silent.get(silent, _NOTHING)),
            )
            if len(opens := rising(_without(each, own) for each in found)):
                yield source, silent, opens


def rising(parts: Iterable[Opens]) -> Opens:
    """All opens of the parts, each once, rising: cheap where they are so already, as those of one file are."""
    found = [part for part in parts if len(part)]
    opens: Opens = np.concatenate(found) if len(found) > 1 else found[0] if found else _NONE
    return opens if np.all(opens[1:] > opens[:-1]) else np.unique(opens)


def known_silences(differences: Iterable[Difference]) -> dict[Series, dict[SourceKey, TimeRanges]]:
    """Where sources are known to be silent, but for ranges in which they are so in some slots only."""
    found: dict[Series, dict[SourceKey, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for each in differences:
        if each.is_silence and each.slots * each.series.width == each.end - each.start:
            found[each.series][each.other.key].append((each.start, each.end))
    return {
        series: {key: TimeRanges.of(ranges) for key, ranges in of_series.items()} for series, of_series in found.items()
    }


def _without(opens: Opens, others: Opens) -> Opens:
    if not len(others):
        return opens
    places = np.minimum(np.searchsorted(others, opens), len(others) - 1)
    left: Opens = opens[others[places] != opens]
    return left


def _inside(opens: Opens, ranges: TimeRanges) -> Opens:
    return opens[inside(opens, ranges)] if ranges else _NONE
