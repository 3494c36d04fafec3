"""Whether the exchange's API can be reached just now, and how far its clock is from ours."""

from __future__ import annotations

from typing import NamedTuple

from kraken_core.ports import Clock
from kraken_core.sources.rest import KrakenExchange, RetryBudget

TIMEOUT_S = (3.0, 5.0)  # to connect; to answer: a user waits for it
_ONCE = RetryBudget(1, 1, 1)


class Reached(NamedTuple):
    """The exchange's state, such as ``online``, and by how many seconds our clock is ahead of its."""

    state: str
    ahead_s: float


def reach(url: str, clock: Clock) -> Reached:
    """Request the exchange's state once. Raises UnavailableError."""
    exchange = KrakenExchange(url, patience=_ONCE, timeout_s=TIMEOUT_S)
    try:
        state = exchange.status()
        before = clock.now()
        theirs = exchange.now()
        return Reached(state, (before + clock.now()) / 2 - theirs)
    finally:
        exchange.close()
