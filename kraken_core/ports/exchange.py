"""The exchange's public API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kraken_core.domain.exchange import FirstTrade, Listed, OhlcAnswer, TradesPage
    from kraken_core.domain.market import Pair, Series


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

    def ohlc(self, series: Series, as_of: int, young_s: int = 0) -> OhlcAnswer:
        """The last candles of a series, up to 720, that were closed by ``as_of`` (epoch seconds).

        Those that closed up to ``young_s`` seconds later come too, as provisional, and are not known.
        """
        ...

    def trades(self, pair: Pair, cursor: int, count: int = ...) -> TradesPage:
        """Up to so many trades after a cursor (nanoseconds), 1,000 at most."""
        ...

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade that is answered of the pair; None where there is none."""
        ...
