"""What was known at an instant stays to be read, whatever is ingested, undone, merged or deleted afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.acceptance.known_histories import KnownHistory
from tests.acceptance.oracle import Oracle
from tests.support.helping import folder, written
from tests.support.pocket_exchange import PocketExchange
from tests.support.strategies import FIRST_DAY, RATES, markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
STEP = st.tuples(
    st.sampled_from(["ingest", "ingest", "ingest", "ask", "undo", "compact", "vacuum"]), st.integers(0, 30)
)


@st.composite
def vintages(draw: st.DrawFn, market: SimulatedMarket) -> list[Release]:
    """Releases of a market, some of which say something else than others: volumes, or highs, are off in them."""
    drawn = draw(releases(market))
    files = Oracle(market, drawn).files
    made = [release for number, release in enumerate(drawn) if any(of == number for of, _ in files)]
    return [replace(release, volume_error=draw(st.sampled_from([0.0, 0.0, 0.002]))) for release in made]


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    made = data.draw(vintages(market))
    steps = data.draw(st.lists(STEP, min_size=2, max_size=6))
    with folder() as here:
        exchange = PocketExchange(market)
        history = KnownHistory(here / "home", exchange, written(market, made, here / "archives"), FIRST_DAY)
        history.clock.at = market.end
        for step, number in steps:
            if made or step != "ingest":
                history.do(step, number)
        history.check()


@given(data=st.data(), market=markets(RATES[1:]))
@settings(whole_jobs, max_examples=4)
def test_what_was_known_after_each_job_is_read_again_to_the_bit(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=1000)
def test_what_was_known_is_read_again_after_a_thousand_histories(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)
