"""Pairs of the simulated market that come to something: statuses, drifts, delistings and renames on demand."""

from __future__ import annotations

from datetime import date

import pytest

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, day_start
from kraken_core.simulator.exchange.answers import PublicApi
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S
from kraken_core.simulator.renaming import SimulatedRename
from kraken_core.simulator.tape import NS
from kraken_core.sources.rest import answers, listed_pairs

START = day_start(date(2026, 3, 1))
END, SWITCH = START + 6 * DAY_S, START + 3 * DAY_S
OLD, NEW, OTHER = Pair("OLDC", "USD"), Pair("NEWC", "USD"), Pair("BTC", "USD")


def market(*renames: SimulatedRename, **more: object) -> SimulatedMarket:
    listings = [Listing(OLD, 0.2, 1_800, 2, 1, **more), Listing(OTHER, 0.1, 97_000, 1, 0.05)]  # type: ignore[arg-type]
    return SimulatedMarket.make(5, listings, START, END, renames=renames)


def listed(of: SimulatedMarket, at: int) -> dict[Pair, str]:
    found = PublicApi(of, trade_ids=True, repeats=True).answer("AssetPairs", {}, at * NS)
    body = "{" + '"error":[],"result":{' + ",".join(f'"{key}":{row}' for key, row in found.items()) + "}}"
    return {each.pair: each.status for each in listed_pairs.asset_pairs(answers.result(body.encode())).pairs}


@pytest.mark.parametrize("per_old", [1, 7, 24_000])
def test_a_rename_goes_on_with_the_same_trades_under_another_name_and_in_another_unit(per_old: int) -> None:
    whole, split = market(), market(SimulatedRename(OLD, NEW, SWITCH, per_old))
    old, new = split.tapes[OLD], split.tapes[NEW]
    tape = whole.tapes[OLD]
    assert [*old.time_ns, *new.time_ns] == list(tape.time_ns)
    assert old.time_ns[-1] < SWITCH * NS <= new.time_ns[0]
    assert list(new.volume_units) == [units * per_old for units in tape.volume_units[len(old) :]]
    prices = [float(price) * per_old for price in new.prices()]
    assert prices == pytest.approx([float(price) for price in tape.prices()[len(old) :]], rel=0.005)
    assert new.first_id == 1
    assert list(split.tapes[OTHER].price_ticks) == list(whole.tapes[OTHER].price_ticks)


def test_the_exchange_lists_the_name_of_the_day() -> None:
    renamed = market(SimulatedRename(OLD, NEW, SWITCH))
    assert set(listed(renamed, SWITCH - 60)) == {OLD, OTHER}
    assert set(listed(renamed, SWITCH)) == {NEW, OTHER}
    assert [life.end is None for life in (*renamed.lives(OLD), *renamed.lives(NEW))] == [False, True]


def test_names_can_follow_one_another() -> None:
    third = Pair("LASTC", "USD")
    found = market(SimulatedRename(OLD, NEW, SWITCH), SimulatedRename(NEW, third, SWITCH + DAY_S))
    assert sum(len(found.tapes[pair]) for pair in (OLD, NEW, third)) == len(market().tapes[OLD])


@pytest.mark.parametrize("at", [START, END, SWITCH + 1])
def test_a_rename_is_within_the_market_and_on_a_minute(at: int) -> None:
    with pytest.raises(UsageError, match=r"OLDC/USD is renamed outside of the market's time, or within a minute\."):
        market(SimulatedRename(OLD, NEW, at))


def test_a_pair_is_listed_as_what_it_is_at_that_time() -> None:
    found = market(statuses=((START + DAY_S, "post_only"), (SWITCH, "cancel_only")))
    said = [listed(found, START + hours * 3600)[OLD] for hours in (1, 24, 71, 72, 100)]
    assert said == ["online", "post_only", "post_only", "cancel_only", "cancel_only"]


def test_a_drift_is_what_a_price_gains_a_day() -> None:
    flat, falling = market(), market(daily_drift=-0.5)
    ratio = falling.tapes[OLD].price_ticks[-1] / flat.tapes[OLD].price_ticks[-1]
    assert ratio == pytest.approx(2.718281828 ** (-0.5 * 6), rel=0.01)
    assert falling.tapes[OLD].price_ticks[0] == pytest.approx(flat.tapes[OLD].price_ticks[0], rel=0.01)


def test_a_delisted_pair_is_not_listed_any_more() -> None:
    found = market(lives=(TimeRange(START, SWITCH),))
    assert OLD in listed(found, SWITCH - 60)
    assert OLD not in listed(found, SWITCH)
