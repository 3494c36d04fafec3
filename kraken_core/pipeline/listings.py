"""Listings: the lives of pairs by the exchange, one request a pair (domain rule 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, FirstTrade, Market
from kraken_core.domain.life import Life, relisted
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.outages import Outages
from kraken_core.domain.plural import counted
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor, iso
from kraken_core.pipeline.delistings import Delistings
from kraken_core.pipeline.trade_pages import trades_after
from kraken_core.ports import CandleStore, ClaimLedger, Exchange, JobLedger, PairLedger, PairRecord

_DAY_S = 86_400  # the coarsest slot
_NAMED = 3  # pairs that a message names


class ListingLedger(JobLedger, PairLedger, ClaimLedger, Protocol):
    """What listings are recorded in."""


@dataclass(frozen=True, slots=True)
class Listings:
    """Brings the ledger's lives of pairs in step with the exchange."""

    exchange: Exchange
    ledger: ListingLedger
    store: CandleStore
    tiers: Tiers
    side_by_side: int

    def run(
        self,
        job_id: int,
        market: Market,
        known_pairs: Collection[Pair],
        unlisted: Sequence[Pair],
        covered: Mapping[Series, TimeRanges],
        *,
        start: int,
        most: int | None,
    ) -> tuple[bool, Outages]:
        """Close the lives of stored pairs that are delisted, and begin those of listed ones; whether anything changed.

        ``unlisted`` are the pairs whose first trade is to be requested, and is of ``most`` of them; ``covered`` is what
        is covered of each series. A pair that is listed and refused traded from ``start`` on, as far as is known, and
        one that is listed again since it was delisted. Exchanges that did not answer come with why. Raises Interrupted.
        """
        lives = {record.pair: record.lives for record in self.ledger.pairs()}
        gone = [pair for pair in known_pairs if market.lacks(pair) and lives.get(pair)]
        changed = Delistings(self.store, self.ledger, covered, market.now).ended(lives, gone)
        for pair, [*_, last] in changed.items():
            if last.end is not None and lives[pair][-1].end is None:
                known = last.end < market.now
                when = f"it last traded before {iso(last.end)}" if known else "when it last traded is unknown"
                message = f"{pair} is delisted: the exchange no longer lists it, and {when}"
                self.ledger.add_event(job_id, "delisted", message)
        back = {pair: relisted(lives[pair]) for pair in unlisted if lives.get(pair)}
        back = {pair: now for pair, now in back.items() if now != lives[pair]}
        began, down = self._begun(job_id, lives, unlisted[:most], TimeRange(start, market.now))
        if unknown := [pair for pair in back if pair not in began]:
            message = (
                f"the new listing of {counted(len(unknown), 'pair')} is unknown ({_named(unknown)}): no trade that the "
                "exchange returns is known by its id to follow the last one before; all since the delisting is expected"
            )
            self.ledger.add_event(job_id, "listing", message)
        changed |= back | began
        if changed:
            self.ledger.record_pairs([PairRecord(pair, self.tiers.of(pair.base), now) for pair, now in changed.items()])
        return bool(changed), down

    def _begun(
        self, job_id: int, lives: Mapping[Pair, Sequence[Life]], pairs: Sequence[Pair], window: TimeRange
    ) -> tuple[dict[Pair, tuple[Life, ...]], Outages]:
        """The lives of the pairs with the first trade of each, as far as their exchanges answer and that shows it."""
        found: dict[Pair, tuple[Life, ...]] = {}
        unproven: list[Pair] = []
        down: dict[str, str] = {}

        def requested(pair: Pair) -> FirstTrade | None:
            if pair.venue in down:
                return None
            try:
                return self._first_trade(pair, lives.get(pair, ()), window.end)
            except UnavailableError as error:
                down.setdefault(pair.venue, str(error))
                return None

        with ThreadPoolExecutor(self.side_by_side) as pool:
            pending = [(pair, pool.submit(requested, pair)) for pair in pairs]
            for pair, answer in pending:
                try:
                    first = answer.result()
                except PairRefusedError as error:
                    self.ledger.add_event(job_id, "listing", f"the listing of {pair} is unknown: {error}")
                    if not lives.get(pair):  # what was requested and is not stored is missing (rule 16)
                        found[pair] = (Life(window.start + 1),)  # behind the start, so that it is requested again
                    continue
                if first is not None:
                    older = pair in lives and self._holds_before(pair, floor(first.time, _DAY_S))
                    found[pair] = _with_listing(lives.get(pair, ()), first, older=older)
                    if found[pair][-1].assumed:
                        unproven.append(pair)
        if unproven:
            message = (
                f"the listing of {counted(len(unproven), 'pair')} is assumed ({_named(unproven)}): the first trade "
                "that the exchange returns has not id 1, or is later than stored candles; the next job tries again"
            )
            self.ledger.add_event(job_id, "listing", message)
        return found, down

    def _first_trade(self, pair: Pair, lives: Sequence[Life], now: int) -> FirstTrade | None:
        """The first trade of all, or since the pair was delisted where that is proved; None where there is none.

        Where trades are refused, the daily candles show it as far as they reach. Raises PairRefusedError where there is
        no trade, and candles show that there was one: the exchange repeats the last price in minutes without a trade.
        """
        if lives and lives[-1].end is not None:
            return self._first_since(pair, lives[-1].end)
        try:
            first = self.exchange.first_trade(pair)
        except PairRefusedError:
            daily = self.exchange.ohlc(Series(pair, INTERVALS[-1]), now).known
            if lives or not daily:
                raise
            return FirstTrade(daily.hull.start, None)
        if first is None and not lives and self.exchange.ohlc(Series(pair, INTERVALS[0]), now).known:
            raise PairRefusedError(f"{pair}: the exchange returns candles, and no first trade")
        return first

    def _first_since(self, pair: Pair, end: int) -> FirstTrade | None:
        """The first trade since the end of a pair's life, where its id proves that: it follows the last one known."""
        last_id = max((span.last_id for span in self.ledger.trade_spans(pair) if span.last_id), default=None)
        if last_id is None:
            return None
        page = trades_after(self.exchange, pair, end * NS - 1, lambda: True)
        trades = page.trades if page else None
        if trades is None or not len(trades) or trades["id"][0] != last_id + 1:
            return None
        return FirstTrade(max(trades["time"][0] // NS, end), last_id + 1)

    def _holds_before(self, pair: Pair, day: int) -> bool:
        """Whether candles of an earlier day are stored; a slot of the same one may be that of the first trade."""
        before = {Series(pair, interval): TimeRanges.single(0, day) for interval in INTERVALS}
        return any(map(any, self.store.count(before).values()))


def _with_listing(lives: Sequence[Life], first: FirstTrade, *, older: bool) -> tuple[Life, ...]:
    """The lives with the first trade that was answered: only the very first of all, by its id, proves the listing.

    That since a delisting proves itself. ``older``: candles that are stored contradict it.
    """
    if not lives:
        return (Life(first.time, assumed=not first.is_first),)
    if lives[-1].end is not None:
        return (*lives, Life(first.time, assumed=False))
    start, assumed = (lives[0].start, True) if older else (first.time, not first.is_first)
    return (Life(start, lives[0].end, assumed), *lives[1:])


def _named(pairs: Sequence[Pair]) -> str:
    """The first of the pairs, as a message names them."""
    return ", ".join(map(str, pairs[:_NAMED])) + (", …" if len(pairs) > _NAMED else "")
