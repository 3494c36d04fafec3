"""The checks on values: planted faults are found, as what they are, and markets without faults have no findings."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from kraken_core.domain.identities import Fact, Identities, Renaming
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.prices.candle_arrays import CandleArrays
from kraken_core.domain.prices.checks import own_findings
from kraken_core.domain.prices.findings import PriceFinding, PriceKind, PriceLimits, joined
from kraken_core.domain.prices.quotes import Triangle, triangles
from kraken_core.domain.timerange import day_start
from tests.support.planted import BTC_EUR, BTC_USD, ETH_USD, EUR_USD, Candles, Fault, findings, plant, true_candles

HOURS = Series(Pair("BTT", "USD"), 60)
DAY = 86_400
REDENOMINATED = day_start(date(2022, 1, 12))  # when BTT was, by the packaged table


def flat_market(hours: int, start: int = REDENOMINATED - 20 * DAY) -> CandleArrays:
    """Hours of a price that moves by a per cent up and down, and twenty trades each."""
    at = np.arange(hours)
    price = (100.0 + at % 2).astype(np.float64)
    opens = (start + at * 3600).astype(np.int64)
    trades = np.full(hours, 20.0)
    return CandleArrays(HOURS, opens, price, price + 0.5, price - 0.5, price, np.full(hours, 10.0), trades)


def scaled(candles: CandleArrays, first: int, end: int, factor: float) -> CandleArrays:
    by = np.where((np.arange(candles.height) >= first) & (np.arange(candles.height) < end), factor, 1.0)
    prices = {name: getattr(candles, name) * by for name in ("open", "high", "low", "close")}
    return candles._replace(**prices)


def kinds(candles: CandleArrays, identities: Identities = Identities()) -> list[PriceKind]:  # noqa: B008 - frozen
    return [each.kind for each in joined(own_findings(candles, PriceLimits(), identities))]


@cache
def market(seed: int, days: int) -> Candles:
    return true_candles(seed, days)


def judged(seeds: range, days: int, each: int) -> tuple[list[Fault], list[Fault], list[PriceFinding]]:
    """The faults planted, those of them that were found, and the findings at no fault."""
    planted, found, elsewhere = [], [], []
    for seed in seeds:
        candles = dict(market(seed, days))
        faults = plant(candles, seed, each)
        shown = findings(candles)
        planted += faults
        found += [fault for fault in faults if any(map(fault.found_by, shown))]
        elsewhere += [one for one in shown if not any(fault.explains(one) for fault in faults)]
    return planted, found, elsewhere


def test_a_market_without_faults_has_no_findings() -> None:
    assert findings(market(0, 24)) == []


def test_planted_faults_of_every_kind_are_found_and_nothing_else_is() -> None:
    planted, found, elsewhere = judged(range(1), 24, 5)
    assert len(planted) >= 30
    assert {fault.kind for fault in planted} == set(PriceKind)
    assert len(found) >= 0.9 * len(planted)
    assert elsewhere == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30))
def test_markets_without_faults_have_no_findings(seed: int) -> None:
    assert findings(true_candles(seed, 120)) == []


@pytest.mark.soak
def test_a_thousand_planted_faults_are_found() -> None:
    planted, found, elsewhere = judged(range(8), 60, 40)
    of_kind, found_of_kind = (Counter(fault.kind for fault in faults) for faults in (planted, found))
    print({kind.value: f"{found_of_kind[kind]} of {of_kind[kind]}" for kind in PriceKind}, len(elsewhere))  # noqa: T201
    assert len(planted) >= 1000
    assert all(found_of_kind[kind] >= 0.9 * of_kind[kind] > 0 for kind in PriceKind)
    assert len(elsewhere) <= 0.001 * len(planted)


def test_a_decimal_that_slips_and_returns_is_a_shift_whether_short_or_long() -> None:
    for length in (1, 2, 5, 40):
        assert kinds(scaled(flat_market(600), 300, 300 + length, 0.01)) == [PriceKind.SHIFT], length


def test_a_step_that_lasts_is_a_redenomination() -> None:
    assert kinds(scaled(flat_market(600), 300, 600, 0.001)) == [PriceKind.REDENOMINATION]


def test_a_redenomination_that_the_identity_table_has_is_no_finding() -> None:
    candles = scaled(flat_market(960), 480, 960, 0.001)
    fact = Fact("a source", "2026-11-28", certain=True)
    assert kinds(candles, Identities((Renaming("BTT", "BTT", REDENOMINATED, Fraction(1000), fact),))) == []
    another = Renaming("BTT", "BTT", REDENOMINATED, Fraction(10), fact)
    assert kinds(candles, Identities((another,))) == [PriceKind.REDENOMINATION]


def test_a_slip_beside_a_redenomination_is_not_taken_for_its_return() -> None:
    candles = scaled(scaled(flat_market(900), 300, 900, 0.1), 500, 510, 10)
    assert sorted(kinds(candles)) == [PriceKind.SHIFT, PriceKind.REDENOMINATION]


def test_a_crash_that_lasts_is_no_outlier_and_no_redenomination() -> None:
    assert kinds(scaled(flat_market(600), 300, 600, 0.55)) == []


def test_a_wick_is_an_outlier_with_what_was_expected_and_what_is_stored() -> None:
    candles = flat_market(600)
    candles.low[300] = 40.0
    (found,) = own_findings(candles, PriceLimits(), Identities())
    assert (found.kind, found.stored, found.start) == (PriceKind.OUTLIER, 40.0, int(candles.opens[300]))
    assert found.expected == pytest.approx(100, rel=0.02)


def test_what_is_an_outlier_depends_on_the_pairs_own_volatility() -> None:
    calm, wild = flat_market(600), flat_market(600)
    wild.high[:] = wild.low * 1.1
    for candles in (calm, wild):
        candles.low[300] *= 0.8
    assert kinds(calm) == [PriceKind.OUTLIER]
    assert kinds(wild) == []


def test_limits_decide_what_is_a_finding() -> None:
    candles = flat_market(600)
    candles.low[300] *= 0.8
    assert own_findings(candles, PriceLimits(outlier=50), Identities()) == []


def test_volumes_without_their_trades_and_trades_without_their_volume_are_out_of_proportion() -> None:
    for name, factor in (("volume", 1000.0), ("trades", 1000.0), ("volume", 0.001)):
        candles = flat_market(600)
        getattr(candles, name)[300] *= factor
        assert kinds(candles) == [PriceKind.VOLUME], (name, factor)


def test_volumes_without_a_count_of_trades_are_not_judged() -> None:
    candles = flat_market(600)
    candles.trades[:] = np.nan
    candles.volume[300] *= 1000
    assert kinds(candles) == []


def test_a_price_that_never_moves_is_stuck_only_where_it_usually_does() -> None:
    def at_one_price(candles: CandleArrays, rows: slice) -> CandleArrays:
        for name in ("open", "high", "low", "close"):
            getattr(candles, name)[rows] = 100.0
        return candles

    assert kinds(at_one_price(flat_market(600), slice(300, 360))) == [PriceKind.STUCK]
    assert kinds(at_one_price(flat_market(600), slice(0, 600))) == []
    assert kinds(at_one_price(flat_market(600), slice(300, 320))) == []


def test_triangles_are_found_whichever_way_the_rate_is_traded() -> None:
    assert triangles([BTC_USD, BTC_EUR, EUR_USD, ETH_USD]) == [Triangle(BTC_EUR, BTC_USD, EUR_USD, inverse=True)]
    turned = Pair("USD", "EUR")
    assert triangles([BTC_USD, BTC_EUR, turned]) == [Triangle(BTC_EUR, BTC_USD, turned, inverse=False)]
    assert triangles([BTC_USD, BTC_EUR]) == []


def test_few_candles_are_not_judged() -> None:
    assert kinds(scaled(flat_market(40), 20, 21, 10)) == []


def test_neighbouring_findings_of_a_kind_are_one() -> None:
    def at(hour: int, stored: float) -> PriceFinding:
        return PriceFinding(HOURS, hour * 3600, (hour + 1) * 3600, PriceKind.OUTLIER, 10.0, stored, "")

    assert joined([at(2, 40.0), at(1, 30.0), at(1, 30.0), at(5, 20.0)]) == [
        PriceFinding(HOURS, 3600, 3 * 3600, PriceKind.OUTLIER, 10.0, 40.0, ""),
        at(5, 20.0),
    ]
