"""Tapes that lie in several ways at once, swept: nothing is claimed that is not so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.ask import Before
from kraken_core.simulator.exchange import TapeFaults
from tests.support.swept_tapes import DAY_S, FROZEN_S, HOUR_S, START, market_of, sweep

RARE = 0.01  # trades a minute
SHARES = st.sampled_from([0.0, 0.0, 0.05, 0.5])
MIXTURES = st.builds(
    TapeFaults,
    seed=st.integers(0, 2**32),
    short=SHARES,
    empty=SHARES,
    no_last=SHARES,
    stale=st.sampled_from([0.0, 0.3, 1.0]),
    stale_candles=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    stale_s=st.sampled_from([30.0, 200.0, 1200.0, FROZEN_S, 3.0 * DAY_S]),
    empty_candles=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    odd_candles=st.sampled_from([0.0, 0.0, 0.01, 0.3]),
    late=SHARES,
    late_s=st.sampled_from([5.0, 30.0]),
    unknown=SHARES,
    restarts=st.sampled_from([0.0, 0.01]),
    swapped=SHARES,
    phantoms=SHARES,
)


FAULTY_PAGES = st.builds(  # one page leaves trades out; their ids show it, but in the first one, which follows no trade
    lambda faults, page: replace(faults, from_page=page, to_page=page),
    st.builds(
        TapeFaults,
        seed=st.integers(0, 2**32),
        lost=st.sampled_from([0.0, 1.0]),
        elsewhere=st.sampled_from([0.0, 1.0]),
        empty_again=st.sampled_from([0.0, 0.5, 1.0]),
        short=st.sampled_from([0.0, 1.0]),
        no_last=SHARES,
        stale=st.sampled_from([0.0, 0.3, 1.0]),
        stale_candles=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
        stale_s=st.sampled_from([30.0, 200.0, 1200.0]),
        late=SHARES,
        late_s=st.sampled_from([5.0, 30.0]),
        phantoms=SHARES,
    ),
    st.integers(2, 6),
)


def check(faults: TapeFaults, seed: int, rate: float, interval: int, young: int) -> None:
    length = 5 * HOUR_S if rate >= 1 else 2 * DAY_S if rate >= RARE else 20 * DAY_S
    market = market_of(rate, length, seed)
    done = sweep(market, faults, interval=interval, present=market.end - young)
    done.assert_true()
    assert done.proved - done.known == TimeRanges()
    assert not done.missing or done.problems or done.end <= START
    spans = [span for answer in done.found for span in answer.spans]
    for span in [span for span in spans if span.whole and span.end < done.end][:1]:
        later = sweep(
            market, faults, interval=interval, present=market.end - young, start=span.end, before=Before(spans=spans)
        )
        later.assert_true()
        assert later.proved - later.known == TimeRanges()


CASES = (
    MIXTURES | FAULTY_PAGES,
    st.integers(0, 10**6),
    st.sampled_from([0.0005, 0.01, 0.2, 3.0, 30.0]),
    st.sampled_from([1, 15, 60, 720]),
)


@given(*CASES, st.integers(0, 600))
@settings(max_examples=20, deadline=None)
def test_whatever_mixture_of_faults_nothing_is_claimed_that_is_not_so(
    faults: TapeFaults, seed: int, rate: float, interval: int, young: int
) -> None:
    check(faults, seed, rate, interval, young)


@pytest.mark.soak
@given(*CASES, st.integers(0, 600))
@settings(max_examples=3_000, deadline=None)
def test_in_thousands_of_mixtures_nothing_is_claimed_that_is_not_so(
    faults: TapeFaults, seed: int, rate: float, interval: int, young: int
) -> None:
    check(faults, seed, rate, interval, young)
