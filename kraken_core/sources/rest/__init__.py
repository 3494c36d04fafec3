"""The exchange's public REST API (domain 1.3): the adapter of the port :class:`~kraken_core.ports.Exchange`."""

from kraken_core.sources.rest.client import KrakenExchange
from kraken_core.sources.rest.retries import BRIEF, PATIENT, RetryBudget
from kraken_core.sources.rest.waiting import Waiting

__all__ = ["BRIEF", "PATIENT", "KrakenExchange", "RetryBudget", "Waiting"]
