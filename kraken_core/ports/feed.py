"""The exchange's stream of trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from kraken_core.domain.live_tape import LiveTrade
    from kraken_core.domain.market import Pair


class TradeFeed(Protocol):
    """Trades of some pairs as they happen, from entering its context to leaving it.

    Trades may be missing, repeated or out of order; whoever takes them goes by their ids. Connections that end, or fall
    silent, are opened again, and no method raises for it.
    """

    def __enter__(self) -> Self:
        """Connect, and subscribe; returns at once."""
        ...

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        ...

    @property
    def disconnects(self) -> int:
        """How many connections ended, or could not be opened."""
        ...

    @property
    def connections(self) -> int:
        """How many connections there are to be."""
        ...

    @property
    def open_connections(self) -> int:
        """How many of them are open."""
        ...

    @property
    def system(self) -> str:
        """The state of the exchange, ``online`` or another; "" before that is known."""
        ...

    @property
    def statuses(self) -> Mapping[Pair, str]:
        """The state of each pair that the exchange lists, of those not subscribed to as well."""
        ...

    @property
    def refused(self) -> Mapping[Pair, str]:
        """The pairs that the exchange does not stream, and why."""
        ...

    def take(self, patience_s: float) -> Mapping[Pair, Sequence[LiveTrade]]:
        """The trades received since the last call; where there are none, waits so long for some."""
        ...
