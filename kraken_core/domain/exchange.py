"""What an exchange's public API answers, in our own terms (domain rules 2 and 4).

https://docs.kraken.com/api/docs/rest-api/get-ohlc-data and get-recent-trades, as measured in practice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.market import Pair, Series, is_tokenized, parse_pair
from kraken_core.domain.names import BY_RULES, TOKENIZED, Names, PairName
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.venues import SPOT_NAME, Venue, VenueMarket, is_installed, venue

if TYPE_CHECKING:
    import polars as pl

OHLC_LIMIT = 720  # committed candles the OHLC endpoint returns at most, whatever `since` is
OHLC_INTERVALS = (1, 5, 15, 30, 60, 240, 1440)  # minutes; there is no 720
NS = 1_000_000_000  # nanoseconds a second
TRADES_A_PAGE = 1_000  # at most
SETTLING_S = 120  # until then after its end a slot may still change in what is answered: trades become visible late


def _spot_market(symbol: str) -> VenueMarket:
    pair = parse_pair(symbol)
    return VenueMarket(pair.altname, pair.base, pair.quote)


SPOT = Venue(
    SPOT_NAME,
    "Kraken",
    "https://api.kraken.com",
    _spot_market,
    OHLC_INTERVALS,
    page=OHLC_LIMIT,
    newest=OHLC_LIMIT,
    trades=True,
)
SPOT_ONLY = frozenset({SPOT_NAME})


def venue_of(pair: Pair) -> Venue:
    """The exchange of a pair; one that answers nothing where it is not installed any more."""
    if not pair.market:
        return SPOT
    name = pair.venue
    return venue(name) if is_installed(name) else Venue(name, name, "", _spot_market, (), page=1, newest=1)


class ListedPair(NamedTuple):
    """A pair that AssetPairs lists; ``status`` is online, cancel_only, post_only, limit_only, reduce_only, or new."""

    name: PairName
    status: str

    @property
    def pair(self) -> Pair:
        """The pair."""
        return self.name.pair


class Listed(NamedTuple):
    """What AssetPairs answers: its pairs, sorted, without dark pools.

    ``skipped`` are the entries that could not be read: what they are called, by why. ``tokenized`` is whether
    tokenized stocks are among the pairs: they need a request of their own, which may fail alone. An answer
    that is not ``whole`` came with an error. ``venues`` are the exchanges that were requested, and ``elsewhere`` the
    pairs that others than Kraken spot list.
    """

    pairs: tuple[ListedPair, ...] = ()
    skipped: Mapping[str, str] = MappingProxyType({})
    tokenized: bool = True
    whole: bool = True
    venues: frozenset[str] = SPOT_ONLY
    elsewhere: frozenset[Pair] = frozenset()

    @classmethod
    def joined(cls, answers: Collection[Listed]) -> Listed:
        """What several exchanges list, together."""
        spot = next((answer for answer in answers if SPOT_NAME in answer.venues), cls())
        return spot._replace(
            venues=frozenset().union(*(answer.venues for answer in answers)),
            elsewhere=frozenset().union(*(answer.elsewhere for answer in answers)),
        )

    @property
    def names(self) -> Names:
        """What Kraken spot calls its pairs."""
        return Names(listed.name for listed in self.pairs)


class Market(NamedTuple):
    """What the exchange returned about itself: its clock (epoch seconds), and the pairs it lists.

    ``names`` are those it gave now and before. ``unread`` are the pairs that entries may be of which were not read;
    ``tokenized`` and ``whole`` as in :class:`Listed`; ``notes`` are what a user should know about the list. ``entries``
    are those that were read, and ``skipped`` counts those that were not. ``venues`` are the exchanges that answered,
    ``away`` those that were to answer and did not, or do not any more.
    """

    now: int
    listed: frozenset[Pair]
    names: Names = BY_RULES
    unread: frozenset[Pair] = frozenset()
    tokenized: bool = True
    whole: bool = True
    notes: tuple[str, ...] = ()
    entries: tuple[ListedPair, ...] = ()
    skipped: int = 0
    venues: frozenset[str] = SPOT_ONLY
    away: frozenset[str] = frozenset()

    @classmethod
    def of(cls, now: int, answer: Listed, before: Names) -> Market:
        """The market of an answer. What it did not let be read is taken for listed still, by the names known before."""
        names = before | answer.names
        unread = frozenset(pair for name in answer.skipped for pair in names.meanings(name))
        missed = (
            entry.pair
            for entry in before.entries
            if entry.pair in unread
            or not (answer.whole and SPOT_NAME in answer.venues)
            or (entry.asset_class == TOKENIZED and not answer.tokenized)
        )
        listed = answer.elsewhere.union((listed.pair for listed in answer.pairs), missed)
        return cls(
            *(now, listed, names, unread, answer.tokenized, answer.whole),
            entries=answer.pairs,
            skipped=len(answer.skipped),
            venues=answer.venues,
        )

    @property
    def requestable(self) -> frozenset[Pair]:
        """The listed pairs of exchanges that answer."""
        return frozenset(pair for pair in self.listed if pair.venue not in self.away) if self.away else self.listed

    def lacks(self, pair: Pair) -> bool:
        """Whether the pair is surely not listed: what could not be read proves nothing, nor does an empty list."""
        if not self.listed or not self.whole or pair in self.listed or pair in self.unread:
            return False
        if pair.market or SPOT_NAME not in self.venues:
            return pair.venue in self.venues
        return self.tokenized or not (is_tokenized(pair.base) or pair.base in self.names.tokenized)


class AsOf(NamedTuple):
    """As of when requests are made (epoch seconds), and how long before its present slots have settled.

    Candles that closed up to ``young_s`` later are taken too, as provisional.
    """

    as_of: int
    settling_s: int = SETTLING_S
    young_s: int = 0


class OhlcAnswer(NamedTuple):
    """What an OHLC answer contains of a series, without the forming candle and whatever was not closed.

    ``candles`` has the columns of SCHEMA, or of FULL_SCHEMA: slots that traded. ``known`` are the settled slots of the
    answer, those without trades included: every contiguous run of its rows; candles outside of them have not settled,
    and are provisional. ``rows`` counts its rows, used or not; ``skipped`` are those that could not be read.
    """

    candles: pl.DataFrame
    known: TimeRanges
    rows: int
    skipped: tuple[str, ...] = ()


class TradesPage(NamedTuple):
    """One answer of the Trades endpoint: columns of PAGE, oldest first.

    ``cursor`` requests what follows it, in integer nanoseconds. ``is_short``: it has fewer trades than requested,
    or none, which happens in the middle of a tape too. ``skipped`` are the rows that could not be read, and
    ``unknown`` between which instants (epoch seconds) these may lie: what was traded there is unknown (domain rule 4).
    ``id_before`` is the id of the last trade up to the cursor, where the page shows it. While an exchange
    ``is_searching`` for the cursor among the numbers of its trades, the page is empty, and shows nothing; the same
    request goes on with the search.
    """

    trades: pl.DataFrame
    cursor: int
    is_short: bool
    skipped: tuple[str, ...] = ()
    unknown: TimeRanges = TimeRanges()
    is_searching: bool = False
    id_before: int | None = None


class FirstTrade(NamedTuple):
    """The first trade that the exchange answers of a pair: epoch seconds, and its id, None where it has none."""

    time: int
    id: int | None

    @property
    def is_first(self) -> bool:
        """Whether it proves itself to be the first of all: ids count from 1."""
        return self.id == 1


def ohlc_horizon(series: Series, now: int) -> TimeRange:
    """The slots of which the exchange still answers candles: closed by ``now``, and of Kraken spot the 720 last ones.

    None of intervals that it has no candles of, as Kraken spot of 720 minutes.
    """
    end, of = floor(now, series.width), venue_of(series.pair)
    if series.interval not in of.intervals:
        return TimeRange(end, end)
    return TimeRange(0 if of.newest is None else end - of.newest * series.width, end)
