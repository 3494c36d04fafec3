"""The universe of a home: which pairs traded at an instant, as far as ledger and candle table show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.identities import Identities
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Selection
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import iso
from kraken_core.domain.universe import KnownPairs, Mark, StoredSpan, Universe, UniversePair
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import CandleStore
from kraken_core.workbench.queries.renames import name_row
from kraken_core.workbench.queries.sql import answer

UNIVERSE = {
    "pair": pl.String,
    "base": pl.String,
    "quote": pl.String,
    "tier": pl.String,
    "tokenized": pl.Boolean,
    "evidence": pl.String,
    "last_candle": TIME,
    "listed": TIME,
    "listed_by": pl.String,
    "delisted": TIME,
    "delisted_by": pl.String,
    "seen": TIME,
    "gone": TIME,
    "status": pl.String,
    "statuses": pl.String,
    "became": pl.String,
    "now": pl.String,
}
_SPANS = """
    select pair, epoch(min(time))::bigint, epoch(max(time))::bigint,
        epoch(max(time) filter (where epoch(time) < {at}))::bigint
    from candles group by pair
"""


@dataclass(frozen=True, slots=True)
class UniverseQuery:
    """Finds who traded then, of a selection."""

    ledger: SqlLedger
    store: CandleStore
    tiers: Tiers
    identities: Identities

    def at(self, instant: int, selection: Selection) -> Universe:
        """Which pairs traded at an instant (epoch seconds), and which may have. Reads first and last candles."""
        spans = answer(_SPANS.format(at=instant), self.store, self.ledger).iter_rows()
        known = KnownPairs(
            {record.pair: record.lives for record in self.ledger.pairs()},
            {Pair.stored(name): StoredSpan(*span) for name, *span in spans},
            self.ledger.listing_history(),
            self.identities,
            self.tiers,
            self.ledger.names().tokenized,
        )
        found = known.universe(instant)
        return found._replace(
            pairs=tuple(each for each in found.pairs if selection.holds(each.pair, self.tiers)),
            unknown=tuple(pair for pair in found.unknown if selection.holds(pair, self.tiers)),
        )


def universe_row(found: UniversePair) -> dict[str, Any]:
    """A pair of the universe, as in ``universe --json`` but for the list of its statuses."""
    return {
        "pair": str(found.pair),
        "base": found.pair.base,
        "quote": found.pair.quote,
        "tier": found.tier,
        "tokenized": found.tokenized,
        "evidence": found.evidence.value,
        "last_candle": _iso(found.last_candle),
        **_mark("listed", found.listed),
        **_mark("delisted", found.delisted),
        "seen": _iso(found.seen),
        "gone": _iso(found.gone),
        "status": found.status or None,
        "statuses": "; ".join(f"{change.status} {iso(change.at)}" for change in found.statuses),
        "became": found.became,
        "now": str(found.now),
    }


def universe_document(found: Universe) -> dict[str, Any]:
    """The universe, as in ``universe --json``: ``names`` are those of a pair that had another, or was another's."""
    pairs = [
        {
            **universe_row(each),
            "statuses": [{"at": iso(change.at), "status": change.status} for change in each.statuses],
            "names": [name_row(name) for name in each.names if len(each.names) > 1 or name.fact],
        }
        for each in found.pairs
    ]
    return {"at": iso(found.at), "pairs": pairs, "unknown": [str(pair) for pair in found.unknown]}


def _mark(name: str, mark: Mark | None) -> dict[str, str | None]:
    return {name: mark and iso(mark.at), f"{name}_by": mark and mark.evidence.value}


def _iso(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)
