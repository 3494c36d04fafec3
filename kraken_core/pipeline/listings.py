"""Listings: the lives of pairs as the exchange tells them, one request a pair (domain rule 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, Market
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor, iso
from kraken_core.ports import CandleStore, Exchange, Ledger, PairRecord

_DAY_S = 86_400  # the coarsest slot
_NEVER = TimeRanges()


@dataclass(frozen=True, slots=True)
class Listings:
    """Brings the ledger's lives of pairs in step with the exchange."""

    exchange: Exchange
    ledger: Ledger
    store: CandleStore
    tiers: Tiers
    side_by_side: int

    def run(
        self,
        job_id: int,
        market: Market,
        held: Collection[Pair],
        unheard: Sequence[Pair],
        covered: Mapping[Series, TimeRanges],
    ) -> bool:
        """Close the lives of held pairs that are delisted, and begin those of listed ones; whether anything changed.

        ``unheard`` are the pairs whose first trade is asked for, ``covered`` is what is known of each series. Raises
        UnavailableError, Interrupted.
        """
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        gone = [pair for pair in held if pair not in market.listed and lives.get(pair)]
        changed = self._ended(lives, gone, covered, market.now)
        for pair, [*_, last] in changed.items():
            if last.end is not None and lives[pair][-1].end is None:
                message = (
                    f"{pair} is delisted: the exchange no longer lists it, and it last traded before {iso(last.end)}"
                )
                self.ledger.add_event(job_id, "delisted", message)
        began, down = self._begun(job_id, lives, unheard)
        changed |= began
        if changed:
            self.ledger.record_pairs([PairRecord(pair, self.tiers.of(pair.base), now) for pair, now in changed.items()])
        if down:
            raise down
        return bool(changed)

    def _begun(
        self, job_id: int, lives: Mapping[Pair, Sequence[Life]], pairs: Sequence[Pair]
    ) -> tuple[dict[Pair, tuple[Life, ...]], UnavailableError | None]:
        """The lives of the pairs with the first trade of each, as far as the exchange answers."""
        found: dict[Pair, tuple[Life, ...]] = {}
        with ThreadPoolExecutor(self.side_by_side) as pool:
            asked = [(pair, pool.submit(self._first_trade, pair, lives.get(pair, ()))) for pair in pairs]
            for pair, answer in asked:
                try:
                    first = answer.result()
                except PairRefusedError as error:
                    self.ledger.add_event(job_id, "listing", f"the listing of {pair} is not known: {error}")
                    continue
                except UnavailableError as error:
                    pool.shutdown(cancel_futures=True)
                    return found, error
                if first is not None:
                    found[pair] = _with_listing(lives.get(pair, ()), first)
        return found, None

    def _first_trade(self, pair: Pair, lives: Sequence[Life]) -> int | None:
        """The first trade of all, or since the pair was delisted: epoch seconds, None where there is none."""
        if not lives or lives[-1].end is None:
            return self.exchange.first_trade(pair)
        trades = self.exchange.trades(pair, lives[-1].end * NS - 1).trades
        return trades["time"][0] // NS if len(trades) else None

    def _ended(
        self,
        lives: Mapping[Pair, Sequence[Life]],
        pairs: Sequence[Pair],
        covered: Mapping[Series, TimeRanges],
        now: int,
    ) -> dict[Pair, tuple[Life, ...]]:
        """The lives of delisted pairs that end otherwise than was known.

        The last one ends with the last trade where that is known to be the last: where it was silent for the rest of
        that day. Else nobody knows what was traded until the exchange was seen without the pair: it ends then. Of a
        life that begins later than that, nothing was seen.
        """
        ended = {}
        begun = [pair for pair in pairs if lives[pair][-1].start < now]
        for pair, end in last_traded(self.store, begun, covered, now).items():
            *before, last = lives[pair]
            rest = TimeRanges.single(end, ceil(end, _DAY_S))
            sure = any(not rest - covered.get(Series(pair, interval), _NEVER) for interval in INTERVALS)
            told = min(max(end, last.start), now) if sure else last.end or now
            if told != last.end:
                ended[pair] = (*before, last._replace(end=told))
        return ended


def _with_listing(lives: Sequence[Life], first: int) -> tuple[Life, ...]:
    if not lives:
        return (Life(first, assumed=False),)
    if lives[-1].end is not None:
        return (*lives, Life(max(first, lives[-1].end), assumed=False))
    # Candles only show a slot that holds the first trade; one that was held of an earlier day is no such slot.
    older = lives[0].start < floor(first, _DAY_S)
    return (Life(lives[0].start if older else first, lives[0].end, assumed=False), *lives[1:])


def last_traded(
    store: CandleStore, pairs: Sequence[Pair], covered: Mapping[Series, TimeRanges], now: int
) -> dict[Pair, int]:
    """The end of the last slot in which each pair is held to have traded, as fine as that is known; epoch seconds.

    Slots from ``now`` on do not count: whoever is not listed now traded then in another life, if at all.
    """
    found: dict[Pair, TimeRange] = {}
    looked = dict.fromkeys(pairs, TimeRanges.single(0, now))
    for interval in reversed(INTERVALS):
        width = interval * 60
        held = store.candles({Series(pair, interval): ranges for pair, ranges in looked.items()})
        for name, at in held.group_by("pair").agg(pl.col("time").max().dt.epoch("s")).iter_rows():
            pair = Pair.parse(name)
            coarse = found.get(pair, TimeRange(at, at + width))
            within = TimeRanges.single(*coarse) - covered.get(Series(pair, interval), _NEVER)
            if at + width > coarse.end or not within:  # a finer series says when in the slot, if it knows all of it
                coarse = TimeRange(at, at + width)
            found[pair] = coarse
            looked[pair] = TimeRanges.single(coarse.start, now)
    return {pair: slot.end for pair, slot in found.items()}
