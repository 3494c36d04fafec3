"""The hours without a funding rate, between the first and the last that is stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.funding import HOUR_S, FundingAnswer, FundingCoverage, FundingRate, FundingRecorded
from kraken_core.domain.market import Pair
from kraken_core.pipeline.funding import update_funding

PF = Pair("BTC", "USD", "kraken-futures:PF_XBTUSD")
ETH = Pair("ETH", "USD", "kraken-futures:PF_ETHUSD")


@given(st.sets(st.integers(0, 60 * HOUR_S), min_size=1))
def test_an_hour_is_missing_where_no_rate_lies_in_it(times: set[int]) -> None:
    found = FundingCoverage.of(PF, times)
    paid = {at // HOUR_S for at in times}
    missing = {at // HOUR_S for start, end in found.missing for at in range(start, end, HOUR_S)}
    assert missing == set(range(min(paid), max(paid) + 1)) - paid
    assert found.hours == (min(paid) * HOUR_S, (max(paid) + 1) * HOUR_S)
    assert found.rates == len(times)


def test_a_contract_that_is_refused_keeps_no_other_from_being_requested() -> None:
    def requested(pair: Pair) -> FundingAnswer:
        if pair == PF:
            raise PairRefusedError("no such contract.")
        return FundingAnswer([FundingRate(0, 1.0, 0.5)])

    refused, brought = update_funding(requested, lambda _, rates: FundingRecorded(len([*rates]), 0), [PF, ETH])
    assert (refused.pair, refused.recorded, refused.problem) == (PF, (0, 0), "no such contract.")
    assert (brought.pair, brought.recorded, brought.problem) == (ETH, (1, 0), "")


def test_an_exchange_that_is_away_is_requested_no_more() -> None:
    asked: list[Pair] = []

    def requested(pair: Pair) -> FundingAnswer:
        asked.append(pair)
        raise UnavailableError("refused.")

    updates = list(update_funding(requested, lambda *_: FundingRecorded(0, 0), [PF, ETH]))
    assert asked == [PF]
    assert {update.problem for update in updates} == {"Kraken Futures was not reached: refused."}
