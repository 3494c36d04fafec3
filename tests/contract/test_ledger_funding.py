"""What every ledger promises of funding rates, on each database."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_core.domain.funding import FundingRate
from kraken_core.domain.market import Pair
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import BTC, ETH

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

FIRST = FundingRate(0, 0.5, 1e-6)
_NUMBERS = count()
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
