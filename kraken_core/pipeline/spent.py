"""What a job has spent on requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kraken_core.domain.jobs import JobMetrics
from kraken_core.ports import Exchange


@dataclass(frozen=True, slots=True)
class Spent:
    """What a job has spent on requests: its metrics, and what the exchange's counts were at its first request."""

    exchange: Exchange
    metrics: JobMetrics
    requests: int
    retries: int

    @classmethod
    def begin(cls, exchange: Exchange, metrics: JobMetrics) -> Spent:
        """From now on."""
        return cls(exchange, metrics, exchange.requests - metrics.requests, exchange.retries - metrics.retries)

    def left(self, most: int | None) -> int | None:
        """How many of at most so many are left."""
        return None if most is None else max(0, most - (self.exchange.requests - self.requests))

    def counted(self, metrics: JobMetrics) -> JobMetrics:
        """The metrics with the requests made by now."""
        requests = self.exchange.requests - self.requests
        return replace(
            metrics,
            requests=requests,
            retries=self.exchange.retries - self.retries,
            total_requests=max(metrics.total_requests, requests),
        )
