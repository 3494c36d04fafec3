"""The simulated Coinbase Exchange without a wire: its real client, over a transport that asks the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair
from kraken_core.ports import Access, never_stop
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.coinbase import CoinbaseDesk
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest.coinbase import CoinbaseExchange
from kraken_core.sources.rest.failures import refused_by
from kraken_core.sources.rest.json_rows import messages
from kraken_core.sources.rest.transport import Transport
from tests.support.steady import SteadyTime

BTC_USD = Pair("BTC", "USD", "coinbase:BTC-USD")
ETH_EUR = Pair("ETH", "EUR", "coinbase:ETH-EUR")


class Wireless(Transport):
    """Answers from a desk; what that refuses is refused."""

    def __init__(self, desk: CoinbaseDesk) -> None:
        super().__init__("http://127.0.0.1:9")
        self.desk = desk

    def get(self, endpoint: str, parameters: Mapping[str, str | int]) -> bytes:
        reply = self.desk.reply("", endpoint, {name: str(value) for name, value in parameters.items()})
        if reply.status != 200:
            raise refused_by(messages(reply.body, ("message",)))
        return reply.body


class _Present(ExchangeClock):
    """The present that somebody else has."""

    def __init__(self, present: Callable[[], int]) -> None:
        super().__init__(0)
        self._present = present

    def now_ns(self) -> int:
        return self._present() * NS


def pocket_coinbase(
    market: SimulatedMarket, present: Callable[[], int], stop: Callable[[], bool] = never_stop
) -> tuple[CoinbaseExchange, CoinbaseDesk]:
    """A client that waits for nothing, and the desk that answers it."""
    desk = CoinbaseDesk(market, _Present(present))
    client = CoinbaseExchange(Access("http://127.0.0.1:9", 10.0, stop), SteadyTime().waiting(stop))
    client._transport = Wireless(desk)
    return client, desk
