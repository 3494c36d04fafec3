"""Keep trades: what archives, sweeps and streams bring of trades, into a table of their own.

Order of truth as for candles: trades committed first, then what is claimed of them. Both come before the ledger records
what brought them, so that whatever is interrupted brings its trades again, which are recognised.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import API_RANK, KEPT, KeptClaim, KeptCounts, TradeSource, in_order, ranked
from kraken_core.domain.market import Pair
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import JobLedger, KeptLedger, StagedFile, TradeOffer, TradeStore

LOG = logging.getLogger("kraken_core")


class KeepingLedger(JobLedger, KeptLedger, Protocol):
    """What kept trades are recorded in."""


class KeptOffer(NamedTuple):
    """Trades of a source, staged or not: KEPT in order, and what it claims of them."""

    claims: Sequence[KeptClaim]
    rank: int
    staged: Sequence[StagedFile] = ()
    trades: pl.DataFrame | None = None


@dataclass(slots=True)
class TradeKeeper:
    """Commits trades of the pairs whose trades are ``wanted``, for a job; ``name`` is what their table is called."""

    table: TradeStore
    ledger: KeepingLedger
    wanted: Callable[[Pair], bool]
    name: str
    job_id: int
    _counts: dict[Pair, KeptCounts] = field(default_factory=dict)

    def keep(self, offers: Sequence[KeptOffer]) -> None:
        """Make what is offered part of the table, and record what is claimed of it."""
        if not offers:
            return
        claims = [claim for offer in offers for claim in offer.claims]
        found = [TradeOffer(self._staged(offer), _ranges(offer.claims), offer.rank) for offer in _together(offers)]
        pairs = {claim.pair for claim in claims} | {pair for o in found for file in o.staged for pair in file.spans}
        standing: dict[Pair, list[KeptClaim]] = defaultdict(list)
        for claim in self.ledger.kept_claims(pairs):
            standing[claim.pair].append(claim)
        counts = self.table.commit(found, {pair: ranked(made) for pair, made in standing.items()})
        for pair, each in counts.items():
            self._counts[pair] = self._counts.get(pair, KeptCounts()).plus(each)
        self.ledger.record_kept(self.job_id, claims, self.name, self.table.mark)

    def report(self) -> None:
        """Report what became of the trades since the last report, and where sources differ."""
        if not self._counts:
            return
        total = KeptCounts().plus(*self._counts.values())
        pairs = counted(len(self._counts), "pair")
        message = (
            f"{counted(total.new, 'new trade')} of {pairs} kept, {total.confirmed:,} kept before, "
            f"{total.removed:,} replaced by those of a better source"
        )
        self.ledger.add_event(self.job_id, "trades", message)
        for pair, each in sorted(self._counts.items()):
            LOG.info("%s: %s", pair, each)
            if each.differing:
                self.ledger.add_event(
                    self.job_id,
                    "trades differ",
                    f"{pair}: of {counted(each.differing, 'trade')} two sources differ: one has it, and the other has "
                    "not, or has it otherwise",
                )
        self._counts = {}

    def _staged(self, offer: KeptOffer) -> Sequence[StagedFile]:
        if offer.trades is None or offer.trades.is_empty():
            return offer.staged
        return (*offer.staged, *self.table.stage(offer.trades))


def _together(offers: Iterable[KeptOffer]) -> list[KeptOffer]:
    """Offers, those of one rank whose trades are not staged as one: a file costs about as much however small it is."""
    staged, alike = [], defaultdict(list)
    for offer in offers:
        if offer.trades is None:
            staged.append(offer)
        else:
            alike[offer.rank].append(offer)
    joined = [
        KeptOffer(
            [claim for offer in same for claim in offer.claims],
            rank,
            trades=in_order(
                pl.concat([pl.DataFrame(schema=KEPT), *(offer.trades for offer in same if offer.trades is not None)])
            ),
        )
        for rank, same in alike.items()
    ]
    return [*staged, *joined]


def _ranges(claims: Iterable[KeptClaim]) -> Mapping[Pair, TimeRanges]:
    spans: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
    for claim in claims:
        spans[claim.pair].append((claim.start, claim.end))
    return {pair: TimeRanges.of(found) for pair, found in spans.items()}


def offer_of(
    source: TradeSource, evidence: str, trades: pl.DataFrame, *, pair: Pair, known: TimeRanges, proved: TimeRanges
) -> KeptOffer:
    """What the exchange brought of a pair's trades (KEPT, in order), which are all there were in the known ranges.

    With the ids of the first and the last trade in each of them.
    """
    claims = []
    for is_proved, ranges in ((True, known & proved), (False, known - proved)):
        for start, end in ranges:
            ids = trades.filter(pl.col("time").is_between(start * NS, end * NS, closed="left"))["id"]
            first, last = (ids[0], ids[-1]) if len(ids) else (None, None)
            claims.append(KeptClaim(pair, start, end, source, API_RANK, evidence, first, last, proved=is_proved))
    return KeptOffer(sorted(claims, key=lambda claim: claim.start), API_RANK, trades=trades)
