"""The simulated exchange: Kraken's public API for a simulated market, over HTTP on this machine (domain 1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.simulator.exchange.answers import (
    LIMITED_BY_PAIR,
    PublicApi,
    RequestRefusedError,
    beside,
    body,
    refusal,
    status,
)
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.coinbase import PREFIXES, CoinbaseDesk
from kraken_core.simulator.exchange.faults import (
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    UNKNOWN_PAIR,
    Fault,
    FaultCounter,
    FaultKind,
    Faults,
)
from kraken_core.simulator.exchange.futures import FuturesDesk
from kraken_core.simulator.exchange.limits import Limiter, Limits
from kraken_core.simulator.exchange.server import PUBLIC, AtAddress, Reply
from kraken_core.simulator.exchange.spoiling import spoiled
from kraken_core.simulator.exchange.tape_faults import TapeFaults
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS

STANDARD = Limits()


class RequestLine(NamedTuple):
    """A request the exchange got: the endpoint (``OHLC``), the pair, if one of the market's, and the parameters.

    ``cut_off``: the limiter refused it. ``fault`` befell it.
    """

    endpoint: str
    pair: Pair | None
    query: Mapping[str, str]
    cut_off: bool
    fault: Fault | None


class SimulatedExchange(AtAddress):
    """Serves a market from entering its context to leaving it, at ``url``; ``requests`` are those received, in order.

    Its present is when the last of the market has settled, unless the clock has another. ``trade_ids`` and ``repeats``
    are whether trades carry their ids, and whether a page begins with trades of the one before. Other ``faults`` may be
    set at any time. ``contracts`` are markets of other exchanges: served at the same address, as Kraken Futures and
    Coinbase Exchange do.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        *,
        port: int = 0,
        clock: ExchangeClock | None = None,
        faults: Faults = Faults(),  # noqa: B008 - frozen
        limits: Limits | None = STANDARD,
        trade_ids: bool = True,
        repeats: bool = True,
        contracts: SimulatedMarket | None = None,
    ) -> None:
        """``port`` 0 takes a free one; ``limits`` None: as often as one likes. Raises UsageError for a taken port."""
        self.clock = clock or ExchangeClock(market.end + SETTLING_S)
        self.faults = faults
        self.requests: list[RequestLine] = []
        self._api = PublicApi(market, trade_ids=trade_ids, repeats=repeats)
        self._limiter = Limiter(limits) if limits else None
        self._counter = FaultCounter()
        self._desk = FuturesDesk(contracts, self.clock) if contracts else None
        self._coinbase = CoinbaseDesk(contracts, self.clock) if contracts else None
        self._listen(port, self._either, "/" if contracts else PUBLIC)

    @property
    def tape_faults(self) -> TapeFaults:
        """What goes wrong with the tapes; may be set at any time."""
        return self._api.tape_faults

    @tape_faults.setter
    def tape_faults(self, faults: TapeFaults) -> None:
        self._api.tape_faults = faults

    @property
    def cut_off(self) -> int:
        """How many requests the limiter refused."""
        return self._limiter.cut_off if self._limiter else 0

    def _either(self, address: str, path: str, query: Mapping[str, str]) -> Reply:
        if self._coinbase and path.startswith(PREFIXES):
            return self._coinbase.reply(address, path, query)
        if self._desk and not path.startswith(PUBLIC[1:]):
            return self._desk.reply(address, path, query)
        return self._reply(address, path.removeprefix(PUBLIC[1:]), query)

    def _reply(self, address: str, endpoint: str, query: Mapping[str, str]) -> Reply:
        pair = self._api.pair(query)
        caller = (address, pair if endpoint in LIMITED_BY_PAIR else None)
        allowed = self._limiter is None or self._limiter.allows(caller)
        fault = self._counter.befalls(self.faults, endpoint, pair) if allowed else None
        self.requests.append(RequestLine(endpoint, pair, query, not allowed, fault))
        if not allowed:
            return Reply(refusal(TOO_MANY_REQUESTS))
        if fault and fault.kind is FaultKind.REFUSED:
            return Reply(refusal(fault.error), fault)
        try:
            result = self._result(endpoint, query, fault)
            sent = beside(fault.error, result) if fault and fault.kind is FaultKind.BESIDE else body(result)
            return Reply(sent, fault)
        except RequestRefusedError as refused:
            return Reply(refusal(str(refused)), fault)

    def _result(self, endpoint: str, query: Mapping[str, str], fault: Fault | None) -> dict[str, str]:
        now_ns = self.clock.now_ns()
        if fault is None:
            return self._api.answer(endpoint, query, now_ns)
        match fault.kind, endpoint:
            case FaultKind.ERROR, _:
                raise RequestRefusedError(fault.error)
            case FaultKind.MAINTENANCE, "SystemStatus":
                return status("maintenance", now_ns)
            case FaultKind.MAINTENANCE, name if name != "Time":
                raise RequestRefusedError(UNAVAILABLE)
            case FaultKind.VANISHED, name if name in LIMITED_BY_PAIR:
                raise RequestRefusedError(UNKNOWN_PAIR)
            case FaultKind.SKEWED, _:
                now_ns += round(fault.seconds * NS)
            case FaultKind.OTHER_PAIR, name if name in LIMITED_BY_PAIR:
                query = {**query, **{parameter: str(value) for parameter, value in fault.fields}}
            case FaultKind.BEHEADED, "Trades" if query.get("since") == "0":
                query = {**query, "since": str(self._api.cursor_before(query, fault.row))}
            case _:  # befalls the answer, or its way
                pass
        return spoiled(self._api.answer(endpoint, query, now_ns), fault, endpoint)
