"""After any sequence of ingests, what is held equals the truth, and what is said to be missing is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.judging import assert_true_in_any_order
from tests.acceptance.oracle import Oracle
from tests.support.strategies import markets, releases

# An example is several whole jobs: it is shown as it failed, not shrunk for minutes.
whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    """Overlapping vintages, in one job and in several, repeated: candles, coverage and gaps equal the oracle's."""
    drawn = data.draw(releases(market))
    files = Oracle(market, drawn).files
    made = [release for number, release in enumerate(drawn) if any(of == number for of, _ in files)]
    assume(made)  # an archive without any file is refused
    order = data.draw(st.permutations(range(len(made))))
    repeated = data.draw(st.lists(st.sampled_from(order), max_size=2))
    assert_true_in_any_order(market, made, [*order, *repeated])


@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=2)
def test_what_is_held_equals_the_truth_whatever_the_archives_and_their_order(
    data: st.DataObject, market: SimulatedMarket
) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=2000)
def test_what_is_held_equals_the_truth_in_thousands_of_markets(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)
