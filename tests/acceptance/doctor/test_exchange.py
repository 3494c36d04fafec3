"""``kraken-history doctor`` finds where the exchange cannot be used, or its clock differs."""

from __future__ import annotations

import pytest

from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from tests.support.command_line import Kraken
from tests.support.doctor import the_one_that_is_not_well


def test_an_exchange_that_cannot_be_asked_is_worth_a_warning(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_URL", "http://127.0.0.1:9")
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("exchange", "warning")
    assert message.startswith("could not reach 127.0.0.1:9: connection refused")
    assert "gaps are filled from archives alone" in message


def test_the_real_exchange_is_never_asked_by_tests(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRAKEN_API_URL")
    name, _, message = the_one_that_is_not_well(kraken)
    assert name == "exchange"
    assert message.startswith("could not reach api.kraken.com: ")


def test_an_exchange_in_maintenance_is_worth_a_warning(full: Kraken, exchange: SimulatedExchange) -> None:
    exchange.faults = Faults((Fault(FaultKind.MAINTENANCE, times=None),))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("exchange", "warning")
    assert "it is in maintenance" in message


@pytest.mark.parametrize(("ahead", "told"), [(90, "behind"), (-3600, "ahead of")])
def test_a_clock_that_is_far_from_the_exchanges_is_worth_a_warning(
    full: Kraken, exchange: SimulatedExchange, ahead: float, told: str
) -> None:
    exchange.faults = Faults((Fault(FaultKind.SKEWED, seconds=ahead, times=None),))
    name, status, message = the_one_that_is_not_well(full)
    assert (name, status) == ("skew", "warning")
    assert f" s {told} the exchange's: set it" in message
