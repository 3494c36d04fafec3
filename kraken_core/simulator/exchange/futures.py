"""The simulated Kraken Futures: its public API for a simulated market, over HTTP on this machine.

The forms are those on record in docs/guide/exchanges.md: a row for every slot, flat without trades; prices as texts,
times in milliseconds; answers that are cut, and say so by ``more_candles``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, ceil, floor
from kraken_core.simulator.charts import charted
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.faults import Fault, FaultCounter, FaultKind, Faults
from kraken_core.simulator.exchange.server import AtAddress, Reply
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS, decimal_text

VENUE = "kraken-futures"
RESOLUTIONS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "1d": 1440, "1w": 10_080}
CHARTS, INSTRUMENTS = "api/charts/v1", "derivatives/api/v3/instruments"
EXECUTIONS, FUNDING = "api/history/v3/market", "derivatives/api/v4/historicalfundingrates"
MOST_CANDLES, MOST_EXECUTIONS = 2_000, 1_000
_HOUR_S = 3_600
_MS = 1_000_000  # nanoseconds a millisecond


class FuturesRequest(NamedTuple):
    """A request the exchange got: of which endpoint, about which contract, if one of the market's, and how."""

    endpoint: str
    pair: Pair | None
    query: Mapping[str, str]
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class ChartFaults:
    """What may be otherwise with charts than asked for.

    An answer has ``most`` candles at most, the ``newest`` of those that were asked for or the oldest; rows of slots
    without trades may be ``absent``; answers may be ``stale_s`` seconds old.
    """

    most: int = MOST_CANDLES
    newest: bool = False
    absent: bool = False
    stale_s: int = 0


@dataclass(frozen=True, slots=True)
class FundingFaults:
    """What may be wrong with funding rates: hours (epoch seconds) whose rates are absent, or are others for now.

    Or of which none can be read, or there are two that differ.
    """

    absent: frozenset[int] = frozenset()
    preliminary: frozenset[int] = frozenset()
    garbled: frozenset[int] = frozenset()
    contradicted: frozenset[int] = frozenset()


class FuturesRefusedError(Exception):
    """A request is refused: with a document of JSON, and an HTTP status."""

    def __init__(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        super().__init__(status)
        self.status, self.document = status, document


class FuturesApi:
    """The public endpoints, for the contracts of a market. Every answer is as of an instant, in nanoseconds."""

    def __init__(self, market: SimulatedMarket) -> None:
        self.chart_faults = ChartFaults()
        self.funding_faults = FundingFaults()
        self._market = market
        self._pairs = {pair.altname: pair for pair in market.listings if pair.venue == VENUE}

    def pair(self, parts: Sequence[str], query: Mapping[str, str]) -> Pair | None:
        """The requested contract; None where it is none of the market's."""
        return self._pairs.get(query.get("symbol") or (parts[0] if parts else ""))

    def answer(self, path: str, query: Mapping[str, str], now_ns: int) -> Any:  # noqa: ANN401 - whatever is answered
        """What is answered, as plain values. Raises FuturesRefusedError."""
        endpoint, parts = parsed(path)
        now = now_ns // NS
        if endpoint == "instruments":
            return _derivatives(self._instruments(parts, now), now)
        if endpoint == "charts" and not parts:
            return sorted(self._pairs)
        pair = self.pair(parts, query)
        if pair is None or not self._is_listed(pair, now):
            raise FuturesRefusedError(HTTPStatus.NOT_FOUND, {"status": "NOT_FOUND", "result": "error"})
        if endpoint == "charts":
            return self._charts(pair, parts[1:], query, now_ns)
        if endpoint == "executions":
            return self._executions(pair, query, now_ns)
        return _derivatives({"rates": self._rates(pair, now)}, now)

    def _instruments(self, parts: Sequence[str], now: int) -> dict[str, Any]:
        if parts:
            return {"instrumentStatus": [{"tradeable": name, "experiencingDislocation": False} for name in self._pairs]}
        return {"instruments": [self._instrument(each) for each in self._pairs.values() if self._is_listed(each, now)]}

    def _charts(self, pair: Pair, resolution: Sequence[str], query: Mapping[str, str], now_ns: int) -> Any:  # noqa: ANN401 - a list or a page
        if not resolution:
            return list(RESOLUTIONS)
        interval = RESOLUTIONS.get(resolution[0].lower())
        if not interval:
            raise FuturesRefusedError(HTTPStatus.BAD_REQUEST, {"type": "Invalid arguments", "field": "resolution"})
        return self._candles(pair, interval, query, now_ns)

    def _candles(self, pair: Pair, interval: int, query: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        faults, width = self.chart_faults, interval * 60
        now_ns -= faults.stale_s * NS
        tape = self._market.tapes[pair]
        tape = tape[: int(np.searchsorted(tape.time_ns, now_ns))]
        slots = np.empty(0, dtype=np.int64)
        if len(tape):
            first = floor(int(tape.time_ns[0]) // NS, width)
            start = max(ceil(int(query.get("from", 0)), width), first)
            stop = min(int(query.get("to", now_ns // NS)), now_ns // NS)
            slots = np.arange(start, stop + 1, width, dtype=np.int64)
        most = min(int(query.get("count", faults.most)), faults.most)
        more = len(slots) > most
        slots = slots[-most:] if faults.newest else slots[:most]
        if not len(slots):
            return {"candles": [], "more_candles": False}
        found = charted(tape, slots, width)
        prices = (decimal_text(ticks, tape.price_decimals) for ticks in found[1:5])
        columns = zip(found.slots.tolist(), *prices, decimal_text(found.volumes, VOLUME_DECIMALS), strict=True)
        names = ("open", "high", "low", "close", "volume")
        rows = [{"time": slot * 1_000, **dict(zip(names, texts, strict=True))} for slot, *texts in columns]
        if faults.absent:
            rows = [row for row, units in zip(rows, found.volumes.tolist(), strict=True) if units]
        return {"candles": rows, "more_candles": more}

    def _executions(self, pair: Pair, query: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """Oldest first, as they are asked for here; ``since`` is at or after."""
        tape = self._market.tapes[pair]
        first, stop = np.searchsorted(tape.time_ns // _MS, [int(query.get("since", 0)), now_ns // _MS])
        count = min(int(query.get("count", MOST_EXECUTIONS)), MOST_EXECUTIONS)
        part = tape[int(first) : min(int(first) + count, int(stop))]
        rows = zip(
            *((part.time_ns // _MS).tolist(), part.prices(), part.volumes(), part.buys.tolist(), part.ids.tolist()),
            strict=True,
        )
        elements = [_execution(pair.altname, row) for row in rows]
        return {"elements": elements, "len": len(elements), "continuationToken": None}

    def _rates(self, pair: Pair, now: int) -> list[dict[str, Any]]:
        """An hour each, whatever the market: as its symbol and the hour make them."""
        start = max(self._market.start, now - 365 * 24 * _HOUR_S)
        hours = range(ceil(start, _HOUR_S), floor(now, _HOUR_S), _HOUR_S)
        seed = sum(pair.altname.encode())
        found, faults = [], self.funding_faults
        for hour in hours:
            points = (hour // _HOUR_S * seed) % 201 - 100 + (hour in faults.preliminary)
            rate = {"timestamp": _iso(hour), "fundingRate": points / 100, "relativeFundingRate": points / 1e7}
            if hour in faults.contradicted:
                found.append({**rate, "fundingRate": points / 100 + 1})
            if hour in faults.garbled:
                rate["relativeFundingRate"] = "pending"
            found += [rate] if hour not in faults.absent else []
        return found

    def _instrument(self, pair: Pair) -> dict[str, Any]:
        kind = "futures_inverse" if pair.altname[1] == "I" else "flexible_futures"
        opened = self._lives(pair)[0].start
        return {
            "symbol": pair.altname,
            "type": kind,
            "tickSize": 10.0 ** -self._market.listings[pair].price_decimals,
            "contractSize": 1,
            "tradeable": True,
            "openingDate": _iso(opened),
            "base": pair.base,
            "quote": pair.quote,
        }

    def _is_listed(self, pair: Pair, now: int) -> bool:
        return any(
            life.start <= now < life.end or life.end >= self._market.end > life.start for life in self._lives(pair)
        )

    def _lives(self, pair: Pair) -> tuple[TimeRange, ...]:
        return self._market.listings[pair].lives or (TimeRange(self._market.start, self._market.end),)


class FuturesDesk:
    """Replies for a market's contracts, whoever serves them; ``requests`` are those received, in order.

    ``faults`` (of the endpoints ``charts``, ``instruments``, ``executions`` and ``funding``), and ``chart_faults`` and
    ``funding_faults`` of its ``api``, may be set at any time.
    """

    def __init__(self, market: SimulatedMarket, clock: ExchangeClock, faults: Faults = Faults()) -> None:  # noqa: B008 - frozen
        self.api, self.clock, self.faults = FuturesApi(market), clock, faults
        self.requests: list[FuturesRequest] = []
        self._counter = FaultCounter()

    def reply(self, _address: str, path: str, query: Mapping[str, str]) -> Reply:
        """What is sent, and what goes wrong with it."""
        endpoint, parts = parsed(path)
        pair = self.api.pair(parts, query)
        fault = self._counter.befalls(self.faults, endpoint, pair)
        self.requests.append(FuturesRequest(endpoint, pair, query, fault))
        if fault and fault.kind is FaultKind.REFUSED:
            return Reply(_json({"result": "error", "error": fault.error}), fault)
        try:
            return Reply(_json(self.api.answer(path, query, self.clock.now_ns())), fault)
        except FuturesRefusedError as refused:
            return Reply(_json(refused.document), fault, refused.status)


class SimulatedFutures(AtAddress, FuturesDesk):
    """Serves a market's contracts from entering its context to leaving it, at ``url``.

    Its present is when the last of the market has settled, unless the clock has another.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        *,
        port: int = 0,
        clock: ExchangeClock | None = None,
        faults: Faults = Faults(),  # noqa: B008 - frozen
    ) -> None:
        """``port`` 0 takes a free one. Raises UsageError for a taken port."""
        super().__init__(market, clock or ExchangeClock(market.end + SETTLING_S), faults)
        self._listen(port, self.reply, "/")


def _derivatives(content: dict[str, Any], now: int) -> dict[str, Any]:
    return {"result": "success", **content, "serverTime": _iso(now)}


def parsed(path: str) -> tuple[str, list[str]]:
    """The endpoint of a path, by a short name, and what follows it."""
    path = path.strip("/")
    if path == FUNDING:
        return "funding", []
    for name, prefix in (("charts", f"{CHARTS}/trade"), ("instruments", INSTRUMENTS), ("executions", EXECUTIONS)):
        if path == prefix or path.startswith(f"{prefix}/"):
            return name, [part for part in path.removeprefix(prefix).split("/") if part]
    return "", []


def _execution(symbol: str, row: tuple[int, str, str, bool, int]) -> dict[str, Any]:
    ms, price, quantity, buys, number = row
    uid = f"00000000-0000-4000-8000-{number:012d}"
    order = {
        "uid": uid,
        "tradeable": symbol,
        "direction": "Buy" if buys else "Sell",
        "quantity": quantity,
        "timestamp": ms,
    }
    made = {"uid": uid, "takerOrder": order, "timestamp": ms, "quantity": quantity, "price": price, "markPrice": price}
    return {"uid": uid, "timestamp": ms, "event": {"Execution": {"execution": made}}}


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _json(document: Any) -> bytes:  # noqa: ANN401 - whatever is answered
    return json.dumps(document, separators=(",", ":")).encode()
