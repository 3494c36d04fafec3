"""Whether exchanges can be reached just now, and how far their clocks are from ours."""

from __future__ import annotations

from typing import NamedTuple

from kraken_core.domain.market import Pair
from kraken_core.domain.outages import spot_first
from kraken_core.domain.venues import SPOT_NAME, load_plugin
from kraken_core.pipeline.known_pairs import known_pairs
from kraken_core.ports import Access, Clock, ExchangePlugin, Ledger, never_stop
from kraken_core.settings import Settings
from kraken_core.sources.rest.spot import KRAKEN


class Reached(NamedTuple):
    """An exchange's state, such as ``online``, and by how many seconds our clock is ahead of its."""

    state: str
    ahead_s: float


def pairs_by_exchange(ledger: Ledger | None) -> dict[str, set[Pair]]:
    """The pairs of each exchange that a home has, or expects: Kraken spot first, and alone where there are none."""
    known = known_pairs(ledger) if ledger else set[Pair]()
    names = {pair.venue for pair in known} or {SPOT_NAME}
    return {name: {pair for pair in known if pair.venue == name} for name in spot_first(names)}


def reach(name: str, settings: Settings, clock: Clock) -> Reached:
    """Request the state of an exchange once. Raises UnavailableError, UnknownPairError where it is not installed."""
    plugin: ExchangePlugin = KRAKEN if name == SPOT_NAME else load_plugin(name)
    url, pace = settings.exchange_url(plugin.venue), settings.requests_per_second
    exchange = plugin.open(Access(url, pace, never_stop, once=True))
    state = exchange.status()
    before = clock.now()
    theirs = exchange.now()
    return Reached(state, (before + clock.now()) / 2 - theirs)
