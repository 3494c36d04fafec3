"""What every ledger promises of funding rates, on each database."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.funding import HOUR_S, FundingAnswer, FundingRate
from kraken_core.domain.market import Pair
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.funding import update_funding
from kraken_core.simulator.exchange.futures import FUNDING, FundingFaults, FuturesApi
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest.kraken_futures import rates
from kraken_core.workbench.queries.funding import funding_coverage
from tests.contract.ledger_records import BTC, DAY, ETH
from tests.support.pocket_futures import PF_XBTUSD

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

FIRST = FundingRate(0, 0.5, 1e-6)
MARKET = SimulatedMarket.make(1, [Listing(PF_XBTUSD, 0.001, 70_000, 1, 0.05, charted=True)], 0, DAY)
_NUMBERS = count()
HOURS_AT = st.frozensets(st.integers(0, 23).map(lambda hour: hour * HOUR_S))
ANSWERS = st.lists(
    st.dictionaries(st.integers(0, 6).map(lambda hour: hour * 3_600), st.sampled_from([-1.5, 0.0, 1e-9]), max_size=5),
    max_size=4,
)


def test_rates_come_back_by_time_within_a_range_and_of_their_own_pair(ledger: SqlLedger) -> None:
    later = FundingRate(3_600, -0.25, -1e-6)
    assert ledger.record_funding_rates(BTC, [later, FIRST]) == (2, 0)
    assert ledger.record_funding_rates(ETH, [FIRST]) == (1, 0)
    assert ledger.funding_rates(BTC) == [FIRST, later]
    assert ledger.funding_rates(BTC, 1, 3_600) == []
    assert ledger.funding_rates(BTC, 3_600, 3_601) == [later]
    assert ledger.funded_pairs() == [BTC, ETH]


@given(st.lists(st.tuples(HOURS_AT, HOURS_AT), min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
def test_hours_that_the_exchange_never_answered_are_missing_and_all_others_true_in_the_end(
    ledger: SqlLedger, answers: list[tuple[frozenset[int], frozenset[int]]]
) -> None:
    api = FuturesApi(MARKET)

    def requested(_: Pair) -> FundingAnswer:
        return rates(api.answer(FUNDING, {"symbol": "PF_XBTUSD"}, DAY * NS))

    pair = Pair("BTC", "USD", f"kraken-futures:PF_B{next(_NUMBERS)}USD")
    truth, answered = requested(PF_XBTUSD).rates, set[int]()
    for absent, preliminary in answers:
        api.funding_faults = FundingFaults(absent, preliminary)
        [_] = update_funding(requested, ledger.record_funding_rates, [pair])
        answered |= {rate.time for rate in truth} - absent
        gaps = [found.missing for found in funding_coverage(ledger, [pair])]
        between = {rate.time for rate in truth if answered and min(answered) <= rate.time <= max(answered)}
        assert {at for at in between for missing in gaps if at in missing} == between - answered
    api.funding_faults = FundingFaults()
    [_] = update_funding(requested, ledger.record_funding_rates, [pair])
    assert ledger.funding_rates(pair) == truth


def test_a_contract_with_rates_alone_is_no_pair_of_candles(ledger: SqlLedger) -> None:
    ledger.record_funding_rates(BTC, [FIRST])
    assert list(ledger.pairs()) == []


@given(ANSWERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_whatever_answers_come_the_newest_of_each_hour_is_stored(
    ledger: SqlLedger, answers: list[dict[int, float]]
) -> None:
    pair, truth = Pair("BTC", "USD", f"kraken-futures:PF_A{next(_NUMBERS)}USD"), dict[int, float]()
    for answer in answers:
        new = answer.keys() - truth.keys()
        changed = {at for at in answer.keys() & truth.keys() if answer[at] != truth[at]}
        rates = [FundingRate(at, value, value / 2) for at, value in answer.items()]
        assert ledger.record_funding_rates(pair, rates) == (len(new), len(changed))
        assert ledger.record_funding_rates(pair, rates) == (0, 0)
        truth |= answer
    assert ledger.funding_rates(pair) == [FundingRate(at, v, v / 2) for at, v in sorted(truth.items())]
