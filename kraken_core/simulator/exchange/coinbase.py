"""The simulated Coinbase Exchange: its public API for a simulated market, over HTTP on this machine.

The forms are those on record in docs/guide/exchanges.md: candles newest first, as numbers, with low and high before
open and close, and none of a slot without trades; both ends of a range inclusive, and a range of more than 300 slots
refused; trades newest first, below a number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from random import Random
from typing import Any, NamedTuple

import numpy as np

from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import floor
from kraken_core.simulator.candles import candles
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.faults import Fault, FaultCounter, FaultKind, Faults
from kraken_core.simulator.exchange.server import AtAddress, Reply
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS, Tape

VENUE = "coinbase"
PREFIXES = ("time", "products")  # of its paths
GRANULARITIES = (60, 300, 900, 3_600, 21_600, 86_400)  # seconds
MOST_CANDLES, MOST_TRADES = 300, 1_000
TOO_FINE = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
_US = 1_000  # nanoseconds a microsecond


class CoinbaseRequest(NamedTuple):
    """A request the exchange got: of which endpoint, about which product, if one of the market's, and how."""

    endpoint: str
    pair: Pair | None
    query: Mapping[str, str]
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class CoinbaseFaults:
    """What may be otherwise with answers than asked for.

    Of the answers, a share are ``empty`` now and then, and of the candles a share are ``absent`` for good, by chance of
    a ``seed``; ``earlier`` candles than asked for may come too. Answers may be ``stale_s`` seconds old. In front of the
    trade with the number ``hole[0]``, ``hole[1]`` numbers were never given.
    """

    seed: int = 0
    empty: float = 0.0
    absent: float = 0.0
    earlier: int = 0
    stale_s: int = 0
    hole: tuple[int, int] = (0, 0)


class CoinbaseRefusedError(Exception):
    """A request is refused: with a message, and an HTTP status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class CoinbaseApi:
    """The public endpoints, for the products of a market. Every answer is as of an instant, in nanoseconds."""

    def __init__(self, market: SimulatedMarket) -> None:
        self.faults = CoinbaseFaults()
        self._market = market
        self._pairs = {pair.altname: pair for pair in market.listings if pair.venue == VENUE}
        self._answers = 0

    def pair(self, parts: Sequence[str]) -> Pair | None:
        """The requested product; None where it is none of the market's."""
        return self._pairs.get(parts[0]) if parts else None

    def answer(self, path: str, query: Mapping[str, str], now_ns: int) -> Any:  # noqa: ANN401 - whatever is answered
        """What is answered, as plain values. Raises CoinbaseRefusedError."""
        endpoint, parts = parsed(path)
        if endpoint == "time":
            at = datetime.fromtimestamp(now_ns / NS, UTC)
            return {"iso": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "epoch": now_ns / NS}
        if endpoint == "products" and not parts:
            return [self._product(pair, now_ns // NS) for pair in self._pairs.values()]
        pair = self.pair(parts)
        if pair is None or endpoint not in {"candles", "trades"}:
            raise CoinbaseRefusedError(HTTPStatus.NOT_FOUND, "NotFound")
        now_ns -= self.faults.stale_s * NS
        tape = self._market.tapes[pair]
        tape = tape[: int(np.searchsorted(tape.time_ns, now_ns))]
        self._answers += 1
        is_empty = Random(f"{self.faults.seed} {self._answers}").random() < self.faults.empty
        found = self._candles(tape, query, now_ns // NS) if endpoint == "candles" else self._trades(tape, query)
        return [] if is_empty else found

    def _candles(self, tape: Tape, query: Mapping[str, str], now: int) -> list[list[float]]:
        width = _number(query.get("granularity", "60"))
        if width not in GRANULARITIES:
            raise CoinbaseRefusedError(HTTPStatus.BAD_REQUEST, "Unsupported granularity")
        start, end = (_instant(query[edge]) if edge in query else now for edge in ("start", "end"))
        if not {"start", "end"} <= query.keys():
            start, end = now - (MOST_CANDLES - 1) * width, now
        if (end - start) // width > MOST_CANDLES:
            raise CoinbaseRefusedError(HTTPStatus.BAD_REQUEST, TOO_FINE)
        first = -(-start // width) * width - self.faults.earlier * width
        found = candles(tape.between(first, floor(end, width) + width), width // 60)
        opens = found["time"].dt.epoch("s")
        rows = zip(opens, *(found[name] for name in ("low", "high", "open", "close", "volume")), strict=True)
        return [list(row) for row in rows if not self._is_absent(tape.pair, width, row[0])][::-1]

    def _trades(self, tape: Tape, query: Mapping[str, str]) -> list[dict[str, Any]]:
        at, skipped = self.faults.hole
        ids = np.where(tape.ids >= at, tape.ids + skipped, tape.ids) if skipped else tape.ids
        limit = min(_number(query.get("limit", "1000")), MOST_TRADES)
        stop = int(np.searchsorted(ids, _number(query["after"]))) if "after" in query else len(ids)
        part, ids = tape[max(0, stop - limit) : stop], ids[max(0, stop - limit) : stop]
        columns = (ids.tolist(), part.buys.tolist(), part.volumes(), part.prices(), part.time_ns.tolist())
        names = ("trade_id", "side", "size", "price", "time")
        return [
            dict(zip(names, (number, "sell" if buys else "buy", size, price, _iso(time)), strict=True))
            for number, buys, size, price, time in zip(*columns, strict=True)
        ][::-1]

    def _is_absent(self, pair: Pair, width: int, opened: int) -> bool:
        chance = Random(f"{self.faults.seed} {pair} {width} {opened}")
        return bool(self.faults.absent) and chance.random() < self.faults.absent

    def _product(self, pair: Pair, now: int) -> dict[str, Any]:
        is_listed = any(life.start <= now < life.end for life in self._market.listed(pair))
        return {
            "id": pair.altname,
            "base_currency": pair.base,
            "quote_currency": pair.quote,
            "quote_increment": f"{10.0 ** -self._market.listings[pair].price_decimals:.8f}",
            "base_increment": "0.00000001",
            "status": "online" if is_listed else "delisted",
            "status_message": "",
            "trading_disabled": not is_listed,
        }


class CoinbaseDesk:
    """Replies for a market's products, whoever serves them; ``requests`` are those received, in order.

    ``faults`` (of the endpoints ``time``, ``products``, ``candles`` and ``trades``) and those of its ``api`` may be set
    at any time.
    """

    def __init__(self, market: SimulatedMarket, clock: ExchangeClock, faults: Faults = Faults()) -> None:  # noqa: B008 - frozen
        self.api, self.clock, self.faults = CoinbaseApi(market), clock, faults
        self.requests: list[CoinbaseRequest] = []
        self._counter = FaultCounter()

    def reply(self, _address: str, path: str, query: Mapping[str, str]) -> Reply:
        """What is sent, and what goes wrong with it."""
        endpoint, parts = parsed(path)
        pair = self.api.pair(parts)
        fault = self._counter.befalls(self.faults, endpoint, pair)
        self.requests.append(CoinbaseRequest(endpoint, pair, query, fault))
        if fault and fault.kind is FaultKind.REFUSED:
            return Reply(_json({"message": fault.error}), fault)
        try:
            return Reply(_json(self.api.answer(path, query, self.clock.now_ns())), fault)
        except CoinbaseRefusedError as refused:
            return Reply(_json({"message": str(refused)}), fault, refused.status)


class SimulatedCoinbase(AtAddress, CoinbaseDesk):
    """Serves a market's products from entering its context to leaving it, at ``url``.

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


def parsed(path: str) -> tuple[str, list[str]]:
    """The endpoint of a path, by a short name, and the product, if any."""
    match path.strip("/").split("/"):
        case ["time"]:
            return "time", []
        case ["products"]:
            return "products", []
        case ["products", symbol, endpoint]:
            return endpoint, [symbol]
        case _:
            return "", []


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise CoinbaseRefusedError(HTTPStatus.BAD_REQUEST, "Invalid number")
    return int(text)


def _instant(text: str) -> int:
    """A range's edge, given in seconds or as a date and a time."""
    if text.isdecimal():
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise CoinbaseRefusedError(HTTPStatus.BAD_REQUEST, "Invalid time") from error


def _iso(time_ns: int) -> str:
    whole, rest = divmod(time_ns, NS)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // _US:06}Z"


def _json(document: Any) -> bytes:  # noqa: ANN401 - whatever is answered
    return json.dumps(document, separators=(",", ":")).encode()
