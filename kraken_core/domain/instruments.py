"""Pairs as the exchange's stream lists them: which of them trade.

https://docs.kraken.com/api/docs/websocket-v2/instrument: a status, and how precise prices and volumes are. The latter
may change at any time, and nothing here depends on it: prices and volumes are taken as they are written.
"""

from __future__ import annotations

ONLINE, DELISTED = "online", "delisted"
TRADING = frozenset({ONLINE, "limit_only", "reduce_only"})  # in all other states no order is filled


def describe_status(status: str) -> str:
    """What a status means for a pair's candles; "" where it trades, or nothing is known of it."""
    if not status or status in TRADING:
        return ""
    return "delisted" if status == DELISTED else f"halted ({status})"
