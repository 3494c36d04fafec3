"""Kraken spot as an exchange among others: the entry point ``kraken``."""

from __future__ import annotations

from kraken_core.domain.exchange import SPOT
from kraken_core.domain.venues import Venue
from kraken_core.ports import Access
from kraken_core.sources.rest.client import KrakenExchange
from kraken_core.sources.rest.retries import budget_of
from kraken_core.sources.rest.transport import timeout_of
from kraken_core.sources.rest.waiting import Waiting


class KrakenSpot:
    """An :class:`~kraken_core.ports.ExchangePlugin`."""

    venue: Venue = SPOT

    def open(self, access: Access) -> KrakenExchange:
        """Its public API, at an address and a pace."""
        return KrakenExchange(
            access.url,
            requests_per_second=access.requests_per_second,
            patience=budget_of(access),
            timeout_s=timeout_of(access),
            waiting=Waiting(access.stop),
            names=access.names,
        )


KRAKEN = KrakenSpot()
