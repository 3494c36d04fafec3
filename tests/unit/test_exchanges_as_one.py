"""Several exchanges as one: each pair is requested from its own, and clocks and lists are those that were asked for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import SPOT_ONLY, FundingRate, Listed, ListedPair, Market
from kraken_core.domain.market import Pair
from kraken_core.domain.names import BY_RULES, PairName
from kraken_core.ports import Exchange
from kraken_core.sources.exchanges import Exchanges
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
LISTED = ListedPair(PairName(BTC, "XBTUSD", "XXBTZUSD"), "online")
NOTHING = Listed()
BOTH = frozenset({"kraken", "kraken-futures"})


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
    def funding_rates(self, pair: Pair) -> list[FundingRate]:
        return [FundingRate(0, 1.0, 0.5)]

    ohlc = trades = first_trade = Fake.now  # never asked


def as_one(venues: frozenset[str] = BOTH, **fakes: Fake) -> Exchanges:
    found: dict[str, Fake] = {
        "kraken": Fake(100, pairs=Listed((LISTED,))),
        "kraken-futures": Perpetuals(90, pairs=Listed(elsewhere=frozenset({PF_XBTUSD}))),
        **{name.replace("_", "-"): fake for name, fake in fakes.items()},
    }

    def opened(name: str) -> Exchange:
        return found[name]  # type: ignore[return-value] # they are asked for no candles

    return Exchanges(opened, venues)


def test_the_clock_is_the_one_furthest_behind() -> None:
    both = as_one()
    assert (both.now(), both.requests) == (90, 2)
    assert as_one(SPOT_ONLY).now() == 100


def test_it_is_not_online_where_one_is_not() -> None:
    assert as_one().status() == "online"
    assert as_one(kraken_futures=Fake(90, "maintenance")).status() == "maintenance"
    assert as_one(SPOT_ONLY, kraken_futures=Fake(90, "maintenance")).status() == "online"


def test_lists_of_pairs_are_added_up() -> None:
    found = as_one().listed()
    assert found == Listed((LISTED,), venues=BOTH, elsewhere=frozenset({PF_XBTUSD}))


def test_nothing_is_known_to_be_gone_from_an_exchange_that_was_not_asked() -> None:
    market = Market.of(0, as_one().listed(), BY_RULES)
    assert market.listed == {BTC, PF_XBTUSD}
    assert market.lacks(ETH)
    assert market.lacks(PI_ETHUSD)
    futures = Market.of(0, as_one(frozenset({"kraken-futures"})).listed(), BY_RULES)
    assert not futures.lacks(ETH)
    assert futures.lacks(PI_ETHUSD)
    spot = Market.of(0, as_one(SPOT_ONLY).listed(), BY_RULES)
    assert not spot.lacks(PF_XBTUSD)
    cut = Market.of(0, as_one(kraken=Fake(0, pairs=Listed((LISTED,), whole=False))).listed(), BY_RULES)
    assert not cut.lacks(ETH)


def test_only_an_exchange_with_perpetuals_is_asked_for_funding() -> None:
    assert as_one().funding_rates(PF_XBTUSD) == [FundingRate(0, 1.0, 0.5)]
    with pytest.raises(UsageError, match="BTC/USD has no funding rates"):
        as_one().funding_rates(BTC)
