"""Messages of the exchange's WebSocket: what is understood is taken, whatever else is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.instruments import describe_status
from kraken_core.domain.market import Pair
from kraken_core.sources.stream.messages import FeedMessage, parse_message

BTC = Pair("BTC", "USD")
PAIRS = {"BTC/USD": BTC}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def parsed(**message: Any) -> FeedMessage:
    return parse_message(json.dumps(message), PAIRS)


def test_the_status_of_each_listed_pair_is_taken_with_fields_that_nobody_knows() -> None:
    pairs = [
        {"symbol": "BTC/USD", "status": "online", "price_precision": 1, "execution_venue": "x"},
        {"symbol": "FOO/EUR", "status": "cancel_only"},
    ]
    message = parsed(channel="instrument", type="snapshot", data={"assets": [], "pairs": pairs, "more": 1})
    assert message.statuses == {"BTC/USD": "online", "FOO/EUR": "cancel_only"}


def test_entries_without_a_symbol_or_a_status_are_left_out_and_the_others_are_taken() -> None:
    pairs = [{"symbol": "BTC/USD"}, {"status": "online"}, 7, {"symbol": 3, "status": "online"}, None]
    message = parsed(channel="instrument", data={"pairs": [*pairs, {"symbol": "ETH/USD", "status": "online"}]})
    assert message.statuses == {"ETH/USD": "online"}


@given(JSON, st.sampled_from(["trade", "instrument", "status", "heartbeat"]))
def test_whatever_a_message_has_instead_of_data_nothing_is_raised_and_nothing_made_up(data: Any, channel: str) -> None:
    message = parsed(channel=channel, type="update", data=data)
    assert not message.trades
    assert not message.refused


@given(st.text() | JSON.map(json.dumps))
def test_no_text_is_an_error(text: str) -> None:
    parse_message(text, PAIRS)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("online", ""),
        ("limit_only", ""),
        ("reduce_only", ""),
        ("", ""),
        ("cancel_only", "halted (cancel_only)"),
        ("post_only", "halted (post_only)"),
        ("maintenance", "halted (maintenance)"),
        ("something new", "halted (something new)"),
        ("delisted", "delisted"),
    ],
)
def test_a_pair_whose_orders_are_not_filled_is_halted(status: str, said: str) -> None:
    assert describe_status(status) == said
