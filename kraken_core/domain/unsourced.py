"""Series that are expected though no source of a plan has any of their candles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from kraken_core.domain.interval_text import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges

DOMINATES = 0.5  # of all that is expected, from which on a series without a source hides how complete the others are


def unsourced(expected: Mapping[Series, TimeRanges], sourced: Collection[Series]) -> str:
    """The note on intervals without a source, where these dominate what is ``expected``; else "".

    ``sourced`` are the series of which some source has candles; coarser ones can be derived.
    """
    finest: dict[Pair, set[int]] = defaultdict(set)
    for series in sourced:
        finest[series.pair].add(series.interval)
    slots = {series: ranges.slots(series.width) for series, ranges in expected.items()}
    missing: dict[int, list[int]] = defaultdict(list)
    for series, number in slots.items():
        if number and not any(series.interval % finer == 0 for finer in finest[series.pair]):
            missing[series.interval].append(number)
    if not sourced or sum(map(sum, missing.values())) < DOMINATES * sum(slots.values()):
        return ""
    named = (
        f"{short(i)} of {counted(len(n), 'pair')} ({counted(sum(n), 'candle')} expected)"
        for i, n in sorted(missing.items())
    )
    return (
        f"No source here has candles of {', '.join(named)}: these will count as missing. Leave such intervals out "
        "with --intervals, or no longer expect them: kraken-history expect --drop"
    )
