"""Exchanges: what each calls its markets, and which candles can be requested of it.

An exchange is a package's entry point of the group :data:`GROUP`: an object with a :class:`Venue` called ``venue``, and
more for those who open it (:class:`~kraken_core.ports.exchange.ExchangePlugin`). Nothing else knows an exchange by
name, but for Kraken spot, whose pairs are called without one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.errors import UnknownPairError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

GROUP = "kraken_history.exchanges"
SPOT_NAME = "kraken"  # of the exchange whose pairs have no name of an exchange before them
SEPARATOR = ":"  # kraken-futures:PF_XBTUSD
MARKET = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,40}}{SEPARATOR}")  # how the name of one begins


class VenueMarket(NamedTuple):
    """A market of an exchange: what that calls it, and its base and quote as we show them (BTC, USD)."""

    symbol: str
    base: str
    quote: str


class Venue(NamedTuple):
    """What of an exchange the rules have to know.

    ``market`` is the market that a symbol names, in any capitals; it raises ValueError, saying what would be right, and
    must say the same of a symbol always: candles are stored by it. ``intervals`` (minutes) are those of its candles.
    An answer has up to ``page`` of them: the ``newest`` ones only where that is set, else of any time. ``trades`` is
    whether candles are made of its trades too; where they are made otherwise than its own candles, they must not be.
    ``quiet_rows`` is whether its candles have a row for every slot without trades; else only its trades show that there
    were none. ``search`` is how many requests it takes, about, to find an instant among its trades, where these are not
    requested by time.
    """

    name: str
    title: str
    url: str
    market: Callable[[str], VenueMarket]
    intervals: tuple[int, ...]
    page: int
    newest: int | None = None
    trades: bool = False
    quiet_rows: bool = True
    search: int = 0

    @property
    def is_ranged(self) -> bool:
        """Whether candles of any time can be requested, page by page."""
        return self.newest is None


@cache
def entries() -> dict[str, EntryPoint]:
    """The installed exchanges by name, not yet loaded."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - most commands name no exchange

    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


@cache
def load_plugin(name: str) -> Any:  # noqa: ANN401 - more than its venue is no matter of the rules
    """What an exchange's entry point is. Raises UnknownPairError where no exchange of that name is installed."""
    if name not in entries():
        there_are = ", ".join(sorted(entries()))
        raise UnknownPairError(
            f"no exchange {name!r} is installed; there are {there_are}. Name one of these, or install its package."
        )
    return entries()[name].load()


def is_installed(name: str) -> bool:
    """Whether there is an exchange of that name."""
    return name in entries()


def venue(name: str) -> Venue:
    """The exchange of a name. Raises UnknownPairError where it is not installed."""
    found: Venue = load_plugin(name).venue
    return found


def market(text: str) -> tuple[str, VenueMarket]:
    """The name of the exchange and the market that a text like ``kraken-futures:PF_XBTUSD`` names.

    Raises UnknownPairError.
    """
    name, _, symbol = text.strip().partition(SEPARATOR)
    name = name.lower()
    of = venue(name)
    try:
        return name, of.market(symbol)
    except ValueError as error:
        raise UnknownPairError(f"{text!r} is no market of {of.title}: {error}.") from None
