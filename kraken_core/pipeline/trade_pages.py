"""Pages of trades, of exchanges that have to search for an instant among the numbers of their trades too."""

from __future__ import annotations

from collections.abc import Callable

from kraken_core.domain.exchange import TradesPage
from kraken_core.domain.market import Pair
from kraken_core.ports import Exchange


def trades_after(exchange: Exchange, pair: Pair, cursor: int, may_request: Callable[[], bool]) -> TradesPage | None:
    """The page that follows a cursor (nanoseconds), and shows it; None where no more requests may be made."""
    while may_request():
        page = exchange.trades(pair, cursor)
        if not page.is_searching:
            return page
    return None
