"""The universe: which pairs traded at an instant, by what evidence, and what became of them (domain rules 2 and 17).

No pair is in it because nothing is known of it: such are counted by themselves, as *unknown*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.listing_history import ListingChange, ListingHistory
from kraken_core.domain.names import TOKENIZED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.identities import Identities, NamePeriod
    from kraken_core.domain.life import Life
    from kraken_core.domain.market import Pair
    from kraken_core.domain.tiers import Tiers


# What becomes of pairs that are not listed any more; REUSED: another asset has the name
RENAMED, REUSED, DELISTED, UNKNOWN = "renamed", "reused", "delisted", "unknown"


class TradingEvidence(StrEnum):
    """By what it is known that a pair traded, or when it began or ended."""

    FIRST_TRADE = "first trade"  # which the exchange answered, with the id 1 or since it was listed again
    FIRST_CANDLE = "first candle"  # that was ever seen: the pair may have traded before
    LAST_CANDLE = "last candle"  # of a pair that an answer of AssetPairs lacked later
    ASSET_PAIRS = "AssetPairs"  # an answer had the pair, or lacked it
    CANDLES = "candles"  # on both sides of an instant
    LIFE = "life"  # between a listing and a delisting
    ASSUMED = "assumed"  # nothing shows that it had begun later, or ended before


_FIRST = {True: TradingEvidence.FIRST_CANDLE, False: TradingEvidence.FIRST_TRADE}


class Mark(NamedTuple):
    """When a pair began or ended (epoch seconds), and by what evidence."""

    at: int
    evidence: TradingEvidence


class StoredSpan(NamedTuple):
    """When the first and the last stored candle of a pair open, and the last one before an instant; epoch seconds."""

    first: int
    last: int
    before: int | None


class UniversePair(NamedTuple):
    """A pair that traded at an instant.

    ``evidence`` of that, and when the ``last_candle`` before opens, None where none is stored; ``delisted`` is None
    while it trades. ``seen`` and ``gone`` are the first answers of AssetPairs that had the pair, and that lacked it
    afterwards (epoch seconds). ``status`` is how it could be traded then, "" where no answer has it; ``statuses`` all
    that answers ever had. ``became`` is its latest status, renamed (then ``now`` is what it is called), reused
    (another asset has the name), delisted, or unknown. ``names`` are all that its base ever had, in units of the one it
    had then.
    """

    pair: Pair
    tier: str | None
    tokenized: bool
    evidence: TradingEvidence
    last_candle: int | None
    listed: Mark
    delisted: Mark | None
    seen: int | None
    gone: int | None
    status: str
    statuses: tuple[ListingChange, ...]
    became: str
    now: Pair
    names: tuple[NamePeriod, ...]


class Universe(NamedTuple):
    """The pairs that traded at an instant, sorted; and those for which it is unknown."""

    at: int
    pairs: tuple[UniversePair, ...]
    unknown: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class KnownPairs:
    """All that is known of when pairs traded.

    ``lives`` by pair, which ``candles`` are stored, what AssetPairs answered, and what assets were called.
    """

    lives: Mapping[Pair, Sequence[Life]]
    candles: Mapping[Pair, StoredSpan]
    history: ListingHistory
    identities: Identities
    tiers: Tiers
    tokenized: Collection[str] = field(default=())

    def universe(self, at: int) -> Universe:
        """Who traded at an instant, epoch seconds."""
        found, unknown = [], []
        for pair in sorted({*self.lives, *self.history.by_pair}):
            life = self._life(pair, at)
            if life is None:
                if self._may_have_traded(pair, at):
                    unknown.append(pair)
                continue
            found.append(self._described(pair, at, *life))
        return Universe(at, tuple(found), tuple(unknown))

    def _life(self, pair: Pair, at: int) -> tuple[Mark, Mark | None, TradingEvidence] | None:
        """The listing and the delisting around an instant, and by what it is known that the pair traded then."""
        for life in self.lives.get(pair, ()):
            if life.start <= at and (life.end is None or at < life.end):
                listed = Mark(life.start, _FIRST[life.assumed])
                return listed, self._end(pair, life), self._evidence(pair, at, life)
        ended = max((life.end or 0 for life in self.lives.get(pair, ()) if life.start <= at), default=0)
        for span in self.history.spans(pair):
            if ended <= span.seen <= at and (span.gone is None or at < span.gone):  # listed again, where it had ended
                evidence = TradingEvidence.ASSET_PAIRS if at <= span.until else TradingEvidence.ASSUMED
                gone = None if span.gone is None else Mark(span.gone, TradingEvidence.ASSET_PAIRS)
                return Mark(span.seen, TradingEvidence.ASSET_PAIRS), gone, evidence
        return None

    def _end(self, pair: Pair, life: Life) -> Mark | None:
        """How a life ended: with the last candle, or no later than an answer without the pair."""
        if life.end is None:
            return None
        gone = any(span.gone and life.start < span.gone <= life.end for span in self.history.spans(pair))
        return Mark(life.end, TradingEvidence.ASSET_PAIRS if gone else TradingEvidence.LAST_CANDLE)

    def _evidence(self, pair: Pair, at: int, life: Life) -> TradingEvidence:
        """By what it is known that a life had not ended by then."""
        stored = self.candles.get(pair)
        if stored and stored.first <= at <= stored.last:
            return TradingEvidence.CANDLES
        if any(at <= span.until and (life.end is None or span.seen < life.end) for span in self.history.spans(pair)):
            return TradingEvidence.ASSET_PAIRS
        return TradingEvidence.LIFE if life.end is not None else TradingEvidence.ASSUMED

    def _may_have_traded(self, pair: Pair, at: int) -> bool:
        """Whether a pair that is known from later on may have traded before: nothing shows that it began only then."""
        lives, changes = self.lives.get(pair, ()), self._changes(pair)
        if lives and (lives[0].start <= at or not lives[0].assumed):
            return False
        if not changes:
            return bool(lives)
        if changes[0].at <= at:  # it was listed, and was not any more
            return False
        return not self.history.was_absent(changes[0], at)

    def _described(
        self, pair: Pair, at: int, listed: Mark, delisted: Mark | None, evidence: TradingEvidence
    ) -> UniversePair:
        statuses = tuple(self._changes(pair))
        before = [change for change in statuses if change.at <= at]
        seen = next((change.at for change in statuses if change.listed), None)
        gone = next((change.at for change in statuses if not change.listed and change.at >= at), None)
        names = self.identities.periods(pair, at)
        became = self._became(pair, names)
        stored = self.candles.get(pair)
        return UniversePair(
            *(pair, self.tiers.of(pair.base), self._is_tokenized(pair), evidence, stored and stored.before),
            *(listed, delisted, seen, gone),
            status=before[-1].status if before and before[-1].listed else "",
            statuses=statuses,
            became=became,
            now=names[-1].pair if became == RENAMED else pair,
            names=names,
        )

    def _became(self, pair: Pair, names: Sequence[NamePeriod]) -> str:
        """What became of a pair whose base had these names in turn.

        What is listed under a name that is another asset's by now is not this pair. One that is still listed after the
        day of a rename was not renamed here, whatever the facts are.
        """
        lives, statuses = self.lives.get(pair, ()), self._changes(pair)
        newest, renamed = names[-1], names[-1].pair != pair
        if [name[:2] for name in names] != [name[:2] for name in self.identities.periods(pair)]:  # pairs and starts
            return RENAMED if renamed else REUSED
        if statuses and statuses[-1].listed and not (renamed and self.history.answers[-1].last < newest.start):
            return statuses[-1].status
        if renamed:
            return RENAMED
        return DELISTED if statuses or (lives and lives[-1].end is not None) else UNKNOWN

    def _is_tokenized(self, pair: Pair) -> bool:
        return pair.base in self.tokenized or any(c.asset_class == TOKENIZED for c in self._changes(pair))

    def _changes(self, pair: Pair) -> Sequence[ListingChange]:
        return self.history.by_pair.get(pair, ())
