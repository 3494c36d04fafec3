"""Messages of the exchange's WebSocket API, version 2, in our own terms.

https://docs.kraken.com/api/docs/websocket-v2/trade: what is not understood is skipped, and counted (domain 1.3).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from kraken_core.domain.exchange import NS
from kraken_core.domain.live_tape import LiveTrade
from kraken_core.domain.market import Pair

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Mapping[Pair, Sequence[LiveTrade]] = {}
_NONE: Mapping[str, str] = {}
_SIDES, _TYPES = {"buy": "b", "sell": "s"}, {"market": "m", "limit": "l"}  # as the Trades endpoint has them


class FeedMessage(NamedTuple):
    """What a message says: trades, the state of the exchange ("" in others), or which symbols it refuses, and why.

    ``statuses`` are those of symbols, of whatever pairs the exchange lists. ``unread``: how many trades of it could not
    be read.
    """

    trades: Mapping[Pair, Sequence[LiveTrade]] = _NOTHING
    system: str = ""
    refused: Mapping[str, str] = _NONE
    statuses: Mapping[str, str] = _NONE
    unread: int = 0


def subscription(symbols: Iterable[str]) -> str:
    """The request for the trades of some symbols, the last ones before it included."""
    parameters = {"channel": "trade", "symbol": list(symbols), "snapshot": True}
    return json.dumps({"method": "subscribe", "params": parameters})


def instruments_subscription() -> str:
    """The request for all pairs that are listed, and for whatever changes of them."""
    return json.dumps({"method": "subscribe", "params": {"channel": "instrument", "snapshot": True}})


def parse_message(text: str | bytes, pairs: Mapping[str, Pair]) -> FeedMessage:
    """A message; nothing of one that is not understood. ``pairs`` are those subscribed to, by symbol."""
    try:
        message = json.loads(text, parse_float=Decimal)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return FeedMessage(unread=1)
    data = message.get("data")
    match message.get("channel"), message.get("method"):
        case "trade", _ if isinstance(data, list):
            return _trades(data, pairs)
        case "instrument", _ if isinstance(data, dict):
            return FeedMessage(statuses=_statuses(data.get("pairs")))
        case "status", _ if isinstance(data, list) and data and isinstance(data[0], dict):
            return FeedMessage(system=str(data[0].get("system", "")))
        case _, "subscribe" if message.get("success") is False:
            return FeedMessage(refused={str(message.get("symbol", "")): str(message.get("error", ""))})
        case _:  # heartbeats, confirmations, and whatever may come some day
            return FeedMessage()


def _trades(rows: Sequence[Any], pairs: Mapping[str, Pair]) -> FeedMessage:
    trades: dict[Pair, list[LiveTrade]] = {}
    unread = 0
    for row in rows:
        try:
            pair = pairs[row["symbol"]]
            trade = _trade(row)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            unread += 1
        else:
            trades.setdefault(pair, []).append(trade)
    return FeedMessage(trades, unread=unread)


def _statuses(entries: object) -> Mapping[str, str]:
    """The status of each entry that has a symbol and one; no other is of use."""
    listed = entries if isinstance(entries, list) else []
    found = ((each.get("symbol"), each.get("status")) for each in listed if isinstance(each, dict))
    return {symbol: status for symbol, status in found if isinstance(symbol, str) and isinstance(status, str)}


def _trade(row: Mapping[str, Any]) -> LiveTrade:
    """Raises KeyError, TypeError, ValueError, ArithmeticError for what is no trade."""
    passed = datetime.fromisoformat(row["timestamp"]) - _EPOCH
    seconds = passed.days * 86_400 + passed.seconds
    price, volume = Decimal(row["price"]), Decimal(row["qty"])
    if not (price > 0 and volume >= 0 and row["trade_id"] > 0):
        raise ValueError("not a trade")
    kind = _SIDES.get(str(row.get("side")), "-") + _TYPES.get(str(row.get("ord_type")), "-")
    return LiveTrade(int(row["trade_id"]), seconds * NS + passed.microseconds * 1_000, float(price), volume, kind)
