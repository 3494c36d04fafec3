"""The pairs of a home, and how much is stored of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kraken_core.domain.market import Pair
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import iso
from kraken_core.ports import PairRecord
from kraken_core.workbench.queries.holdings import Holdings


def pair_rows(records: Iterable[PairRecord], holdings: Holdings, selection: Selection) -> list[dict[str, Any]]:
    """A row for each selected pair, as in ``pairs --json``; ``candles`` are those of all its intervals."""
    candles: Counter[Pair] = Counter()
    intervals: dict[Pair, set[int]] = {}
    for covered in holdings.coverage(Selection()):
        candles[covered.series.pair] += covered.candles
        intervals.setdefault(covered.series.pair, set()).add(covered.series.interval)
    return [
        {
            "pair": str(record.pair),
            "altname": record.pair.altname,
            "tier": record.tier,
            "listed": iso(record.lives[0].start) if record.lives else None,
            "listing_assumed": record.lives[0].assumed if record.lives else True,
            "delisted": iso(record.lives[-1].end) if record.lives and record.lives[-1].end else None,
            "intervals": sorted(intervals.get(record.pair, ())),
            "candles": candles[record.pair],
        }
        for record in records
        if selection.holds(record.pair, holdings.tiers)
    ]
