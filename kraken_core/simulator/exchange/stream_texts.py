"""The messages of the exchange's WebSocket API, version 2 (https://docs.kraken.com/api/docs/websocket-v2/trade)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.tape import NS, Ints, Tape, decimal_text

HEARTBEAT = '{"channel":"heartbeat"}'


def rfc3339(time_ns: int) -> str:
    """An instant as the API writes it, to the microsecond."""
    return f"{datetime.fromtimestamp(time_ns // NS, UTC):%Y-%m-%dT%H:%M:%S}.{time_ns % NS // 1000:06d}Z"


def status(system: str, connection: int) -> str:
    """What comes first on a connection, and when the state of the exchange changes."""
    data = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": connection}
    return json.dumps({"channel": "status", "type": "update", "data": [data]})


def pong(request: Mapping[str, Any], now_ns: int) -> str:
    """The answer to a ping."""
    return _answer({"method": "pong"}, request, now_ns)


def subscribed(request: Mapping[str, Any], symbol: str, *, snapshot: bool, now_ns: int) -> str:
    """The answer to a subscription, one a symbol."""
    result = {"channel": "trade", "snapshot": snapshot, "symbol": symbol}
    return _answer({"method": "subscribe", "result": result, "success": True}, request, now_ns)


def refused(request: Mapping[str, Any], symbol: str, error: str, now_ns: int) -> str:
    """The answer to a request that is refused."""
    answer = {"error": error, "method": request.get("method"), "success": False, "symbol": symbol}
    return _answer(answer, request, now_ns)


def trades(tape: Tape, ids: Ints, kind: str) -> str:
    """Trades of one pair, ``kind`` snapshot or update: numbers as JSON numbers, exact."""
    rows = zip(
        tape.buys.tolist(),
        tape.prices(),
        decimal_text(tape.volume_units, VOLUME_DECIMALS),
        ids.tolist(),
        tape.time_ns.tolist(),
        strict=True,
    )
    data = ",".join(
        f'{{"symbol":"{tape.pair}","side":"{"buy" if buy else "sell"}","price":{price},"qty":{volume},'
        f'"ord_type":"limit","trade_id":{number},"timestamp":"{rfc3339(at)}"}}'
        for buy, price, volume, number, at in rows
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{data}]}}'


def instruments_subscribed(request: Mapping[str, Any], now_ns: int) -> str:
    """The answer to a subscription to what is listed."""
    result = {"channel": "instrument", "snapshot": True}
    return _answer({"method": "subscribe", "result": result, "success": True}, request, now_ns)


def instruments(listings: Iterable[tuple[Listing, str]], kind: str) -> str:
    """The pairs, and the status of each, ``kind`` snapshot or update; of assets no more than their names."""
    listed = list(listings)
    pairs = [
        {
            "symbol": str(each.pair),
            "base": each.pair.base,
            "quote": each.pair.quote,
            "status": status,
            "price_precision": each.price_decimals,
            "qty_precision": each.volume_decimals,
        }
        for each, status in listed
    ]
    assets = sorted({asset for each, _ in listed for asset in (each.pair.base, each.pair.quote)})
    data = {"assets": [{"id": asset, "status": "enabled"} for asset in assets], "pairs": pairs}
    return json.dumps({"channel": "instrument", "type": kind, "data": data})


def _answer(answer: dict[str, Any], request: Mapping[str, Any], now_ns: int) -> str:
    times = {"time_in": rfc3339(now_ns), "time_out": rfc3339(now_ns)}
    number = {"req_id": request["req_id"]} if "req_id" in request else {}
    return json.dumps({**answer, **times, **number})
