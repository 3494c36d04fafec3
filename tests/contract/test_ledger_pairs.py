"""What every ledger promises of pairs and of what is covered, on each database."""

from __future__ import annotations

from collections.abc import Callable

from kraken_core.domain.coverage import (
    CoverageSource,
    DataCoverageRange,
)
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import PairRecord
from tests.contract.ledger_records import BTC, DAY, DAYS, ETH, ETHER, HOURS, a_claim, a_file, a_gap, a_job

pytest_plugins = ["tests.servers", "tests.contract.ledgers"]


def test_pairs_are_updated_in_place_and_told_in_order(ledger: SqlLedger) -> None:
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, (Life(0),))])
    lives = (Life(0, DAY, assumed=False), Life(5 * DAY))
    ledger.record_pairs([PairRecord(ETH, "TIER1", lives)])

    assert ledger.pairs() == [PairRecord(BTC, None, (Life(0),)), PairRecord(ETH, "TIER1", lives)]


def test_assets_keep_their_numbers_and_new_ones_are_given_theirs(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, ())])
    known = ledger.assets()
    assert {(a.ticker, a.tier) for a in known} == {("ETH", "TIER2"), ("BTC", None)}
    assert [a.id for a in known] == sorted({a.id for a in known})
    *before, new = other.assets(["ADA", "ETH"])
    assert (before, new.ticker) == (known, "ADA")
    assert ledger.assets(["ADA"]) == [*known, new]


def test_a_pair_met_in_a_file_is_known_without_a_life(ledger: SqlLedger) -> None:
    a_job(ledger, a_file())

    assert ledger.pairs() == [PairRecord(BTC, None, ())]


def test_two_ledgers_learn_each_other_s_pairs(opened: Callable[..., SqlLedger]) -> None:
    mine, yours = opened(), opened()
    assert yours.pairs() == []
    mine.claim([a_claim(HOURS)])
    yours.claim([a_claim(ETHER)])

    assert mine.assertions([ETH]) == [a_claim(ETHER)]
    assert yours.assertions([BTC]) == [a_claim(HOURS)]
    mine.record_gaps({}, [a_gap(Series(Pair("SOL", "USD"), 60))], [])
    assert [gap.series.pair.base for gap in yours.gaps([Series(Pair("SOL", "USD"), 60)])] == ["SOL"]


def test_coverage_of_a_series_is_replaced_and_others_stay(ledger: SqlLedger) -> None:
    early, late = (
        DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24),
        DataCoverageRange(HOURS, 2 * DAY, 3 * DAY, CoverageSource.MIXED, 20),
    )
    daily, ether = (
        DataCoverageRange(DAYS, 0, DAY, CoverageSource.CSV, 1),
        DataCoverageRange(ETHER, 0, DAY, CoverageSource.API, 3),
    )
    ledger.replace_coverage({ETHER: [ether], DAYS: [daily], HOURS: [late, early]})
    assert ledger.coverage() == [early, late, daily, ether]
    ledger.replace_coverage({HOURS: [early._replace(end=3 * DAY)], DAYS: []})

    assert ledger.coverage() == [early._replace(end=3 * DAY), ether]
    assert ledger.coverage([ETHER, DAYS]) == [ether]
