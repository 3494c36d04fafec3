"""The exchange's public REST API (domain 1.3): the adapter of the port :class:`~kraken_core.ports.Exchange`."""

from kraken_core.sources.rest.client import KrakenExchange
from kraken_core.sources.rest.retries import PATIENT, Patience

__all__ = ["PATIENT", "KrakenExchange", "Patience"]
