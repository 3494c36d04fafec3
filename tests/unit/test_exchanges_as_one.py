"""Several exchanges as one: each pair is requested from its own, and clocks and lists are those that were asked for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import Listed, ListedPair, Market
from kraken_core.domain.funding import FundingAnswer, FundingRate
from kraken_core.domain.market import Pair
from kraken_core.domain.names import BY_RULES, PairName
from kraken_core.domain.outages import not_reached
from kraken_core.ports import Exchange
from kraken_core.sources.exchanges import Exchanges
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
LISTED = ListedPair(PairName(BTC, "XBTUSD", "XXBTZUSD"), "online")
NOTHING = Listed()
BOTH = frozenset({"kraken", "kraken-futures"})
FUTURES = frozenset({"kraken-futures"})


@dataclass
class Fake:
    """An exchange that has a clock, a state and a list."""

    clock: int
    state: str = "online"
    pairs: Listed = NOTHING
    requests: int = 0
    retries: int = 0

    def now(self) -> int:
        self.requests += 1
        return self.clock

    def status(self) -> str:
        return self.state

    def listed(self) -> Listed:
        return self.pairs


class Perpetuals(Fake):
    def pays_funding(self, pair: Pair) -> bool:
        return pair == PF_XBTUSD

    def funding_rates(self, pair: Pair) -> FundingAnswer:
        return FundingAnswer([FundingRate(0, 1.0, 0.5)])

    ohlc = trades = first_trade = Fake.now  # never asked


FAKES: dict[str, Fake] = {
    "kraken": Fake(100, pairs=Listed((LISTED,))),
    "kraken-futures": Perpetuals(90, "maintenance", Listed((), venues=FUTURES, elsewhere=frozenset({PF_XBTUSD}))),
}


def as_one(venue: str = "kraken") -> Exchanges:
    def opened(name: str) -> Exchange:
        return FAKES[name]  # type: ignore[return-value] # they are asked for no candles

    return Exchanges(opened, venue)


@pytest.mark.parametrize("name", FAKES)
def test_its_clock_its_state_and_its_list_are_those_of_one(name: str) -> None:
    found, fake = as_one(name), FAKES[name]
    assert (found.now(), found.status(), found.listed()) == (fake.clock, fake.state, fake.pairs)


def listed(*names: str) -> Listed:
    return Listed.joined([FAKES[name].pairs for name in names])


def test_lists_of_pairs_are_added_up() -> None:
    assert listed("kraken-futures", "kraken") == Listed((LISTED,), venues=BOTH, elsewhere=frozenset({PF_XBTUSD}))


def test_nothing_is_known_to_be_gone_from_an_exchange_that_was_not_asked() -> None:
    market = Market.of(0, listed("kraken", "kraken-futures"), BY_RULES)
    assert market.listed == {BTC, PF_XBTUSD}
    assert market.lacks(ETH)
    assert market.lacks(PI_ETHUSD)
    futures = Market.of(0, listed("kraken-futures"), BY_RULES)
    assert not futures.lacks(ETH)
    assert futures.lacks(PI_ETHUSD)
    spot = Market.of(0, listed("kraken"), BY_RULES)
    assert not spot.lacks(PF_XBTUSD)
    cut = Market.of(0, Listed((LISTED,), whole=False), BY_RULES)
    assert not cut.lacks(ETH)


def test_what_an_exchange_lists_that_is_away_is_not_requested() -> None:
    market = Market.of(0, listed("kraken", "kraken-futures"), BY_RULES)
    assert market.requestable == {BTC, PF_XBTUSD}
    assert market._replace(away=frozenset({"kraken"})).requestable == {PF_XBTUSD}


def test_each_exchange_that_was_not_reached_is_named_kraken_spot_first() -> None:
    said = not_reached({"coinbase": "no answer.", "kraken": "refused."})
    assert said == "the exchange was not reached: refused. Coinbase Exchange was not reached: no answer."
    assert not_reached({}) == ""


def test_only_an_exchange_with_perpetuals_is_asked_for_funding() -> None:
    assert as_one().funding_rates(PF_XBTUSD).rates == [FundingRate(0, 1.0, 0.5)]
    with pytest.raises(UsageError, match="BTC/USD has no funding rates"):
        as_one().funding_rates(BTC)
