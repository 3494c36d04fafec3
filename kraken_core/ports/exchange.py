"""An exchange's public API, and how one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from kraken_core.domain.names import BY_RULES, Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from kraken_core.domain.exchange import FirstTrade, Listed, OhlcAnswer, TradesPage
    from kraken_core.domain.funding import FundingAnswer
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.timerange import TimeRange
    from kraken_core.domain.venues import Venue


class Exchange(Protocol):
    """The exchange's public API, polite and patient: paced for each pair, retried where that helps.

    Safe to use from several threads. Every method raises UnavailableError, those about a pair PairRefusedError too,
    and Interrupted when asked to stop while it waits.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        ...

    @property
    def retries(self) -> int:
        """How many of them repeated one that had failed."""
        ...

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        ...

    def status(self) -> str:
        """``online``, ``maintenance``, ``cancel_only``, ``post_only``."""
        ...

    def listed(self) -> Listed:
        """The pairs listed now, sorted; without dark pools, and without entries that could not be read."""
        ...

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        """The last candles of a series, a page at most, that were closed by ``as_of`` (epoch seconds).

        Those that closed up to ``young_s`` seconds later come too, as provisional, and are not known. Where the
        exchange answers candles of any time, those ``within`` a range instead, from its start on.
        """
        ...

    def trades(self, pair: Pair, cursor: int, count: int = ...) -> TradesPage:
        """Up to so many trades after a cursor (nanoseconds), 1,000 at most."""
        ...

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade that is answered of the pair; None where there is none."""
        ...


@runtime_checkable
class FundingExchange(Exchange, Protocol):
    """An exchange with perpetuals, which tells what their positions pay."""

    def pays_funding(self, pair: Pair) -> bool:
        """Whether the pair is a perpetual; nothing is requested."""
        ...

    def funding_rates(self, pair: Pair) -> FundingAnswer:
        """What it still answers of a perpetual's funding."""
        ...


@runtime_checkable
class NumberingExchange(Exchange, Protocol):
    """An exchange that numbers the trades of a pair in steps of one, and pages them by these numbers."""

    def newest_trade(self, pair: Pair) -> FirstTrade | None:
        """The newest trade that is answered of the pair, whose number is how many there were; None where none is."""
        ...


class Access(NamedTuple):
    """How an exchange is requested: at which address, and how often a second for each pair.

    Waits end when ``stop`` returns true; with ``brief`` a person waits for the answers, and retries are few;
    with ``once`` a request is sent once, and not waited for long. ``names`` are what Kraken spot calls its pairs.
    """

    url: str
    requests_per_second: float
    stop: Callable[[], bool]
    brief: bool = False
    names: Names = BY_RULES
    once: bool = False


class ExchangePlugin(Protocol):
    """What the entry point of an exchange is: see :mod:`kraken_core.domain.venues`."""

    @property
    def venue(self) -> Venue:
        """What the rules have to know of it."""
        ...

    def open(self, access: Access) -> Exchange:
        """Its public API; nothing is requested yet."""
        ...
