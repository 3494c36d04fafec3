"""Asks an exchange over HTTP, as plainly as it can be done."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from kraken_core.simulator.exchange import SimulatedExchange

PATIENCE_S = 30


def asks(monkeypatch: pytest.MonkeyPatch, exchange: SimulatedExchange) -> None:
    """Have commands ask this exchange, which limits nobody, as quickly as settings allow."""
    monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")


def ask(url: str, endpoint: str, **query: object) -> Any:
    """The whole document; fractions as exact decimals."""
    with urlopen(f"{url}/0/public/{endpoint}?{urlencode(query)}", timeout=PATIENCE_S) as answer:
        return json.load(answer, parse_float=Decimal)


def result(url: str, endpoint: str, **query: object) -> Any:
    document = ask(url, endpoint, **query)
    assert document["error"] == []
    return document["result"]


def error(url: str, endpoint: str, **query: object) -> str:
    document = ask(url, endpoint, **query)
    assert "result" not in document
    [text] = document["error"]
    return str(text)
