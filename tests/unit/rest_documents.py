"""Documents as the exchange's API answers them, and how they are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.sources.rest import answers, trade_answer
from kraken_core.sources.rest.failures import NoAnswerError

BTC = Pair("BTC", "USD")
HOURLY = Series(BTC, 60)
HOUR = 3600
START = 1_774_828_800
LATE = START + 1_000 * HOUR
NOW_NS = START * NS + 123_456_789


def answer(**result: object) -> bytes:
    return json.dumps({"error": [], "result": result}).encode()


def row(hour: int, *, price: str = "3.5", high: str = "", volume: str = "1.5", count: int = 2) -> list[Any]:
    return [START + hour * HOUR, price, high or price, price, price, price, volume, count]


def silent(hour: int) -> list[Any]:
    return row(hour, volume="0.00000000", count=0)


def trade(at_ns: int, number: int, price: str = "3.5", volume: str = "1.50000000") -> list[Any]:
    return [price, volume, at_ns / NS, "b", "l", "", number]


def refused(read: Callable[[], object]) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as told:
        read()
    assert "\n" not in str(told.value)
    return told.value


CANDLES = {"error": [], "result": {"XXBTZUSD": [row(0), silent(1), row(2)], "last": START + HOUR}}
TRADED = {"error": [], "result": {"XXBTZUSD": [trade(NOW_NS + n, n) for n in range(3)], "last": str(NOW_NS + 2)}}

decimals = st.decimals("0.00000001", "99999999999", places=8).map(lambda number: f"{number:f}")


def page_of(*rows: object, last: object, cursor: int = 0, count: int = 1_000) -> TradesPage:
    return trade_answer.trades(answers.result(answer(XXBTZUSD=rows, last=last)), cursor, count)
