"""Complete archives assert that pairs without a file did not trade: only of pairs that they could have a file of."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.absent_files import absence_claims
from kraken_core.domain.archives import Archive
from kraken_core.domain.candles import Source, Vintage
from kraken_core.domain.coverage import ABSENT, ArchiveStatement, Assertion
from kraken_core.domain.market import Pair, Series
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.helping import ingest, written
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.strategies import FIRST_DAY, START

BTC, NEW = Pair("BTC", "USD"), Pair("FOO", "QQQ")  # in a currency that nobody knows without the exchange
CONTRACT = Pair("BTC", "USD", "kraken-futures:PF_XBTUSD")
MARKET = SimulatedMarket.make(4, [Listing(pair, 0.05, 100, 2, 1) for pair in (BTC, NEW)], START, START + 4 * DAY_S)
HALF = Release("two_days.zip", START, START + 2 * DAY_S, manifest=True, intervals=(60, 1440))
ASKED = {"tier": "ALL", "start_date": FIRST_DAY, "intervals": [60, 1440]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that read an archive of two days, but for the file whose pair it does not know."""
    [archive] = written(MARKET, [HALF], tmp_path)
    ingest(tmp_path / "home", MARKET, archive, intervals=[60, 1440])
    with Workbench.open(tmp_path / "home") as workbench:
        assert [record.pair for record in workbench.pairs()] == [BTC]
    return tmp_path / "home"


def candles_are_true(workbench: Workbench) -> None:
    for interval in (60, 1440):
        stored = workbench.candles(NEW, interval, START, MARKET.end, to="polars", require_complete=True)
        assert stored.height == MARKET.truth(NEW, interval).height


def test_a_pair_whose_file_was_skipped_as_its_name_was_unknown_is_not_absent(home: Path) -> None:
    with at_pocket(home, PocketExchange(MARKET)) as workbench:
        workbench.run(workbench.plan(**ASKED))
        assert not [claim for claim in workbench.ledger.assertions([NEW]) if claim.evidence.startswith(ABSENT)]
        candles_are_true(workbench)


def test_what_was_asserted_of_such_a_pair_before_is_withdrawn_and_filled(home: Path) -> None:
    with at_pocket(home, PocketExchange(MARKET)) as workbench:
        workbench.run(workbench.plan(**ASKED))
        [(archive, _)] = workbench.ledger.complete_archives()
        wrong = [
            Assertion(Series(pair, i), START, START + 2 * DAY_S, Source.CSV, 1 << 62, f"{ABSENT}{archive.identity}")
            for pair in (NEW, CONTRACT)
            for i in (60, 1440)
        ]
        workbench.ledger.claim(wrong)
        workbench.run(workbench.plan(**ASKED))
        withdrawn = [claim for claim in workbench.ledger.assertions([NEW]) if claim.withdrawn]
        assert {claim.series for claim in withdrawn} == {Series(NEW, 60), Series(NEW, 1440)}
        candles_are_true(workbench)


def test_archives_of_the_spot_market_say_nothing_about_other_exchanges() -> None:
    archive = Archive("a.zip", ArchiveStatement(0, DAY_S), Vintage(DAY_S), complete=True, identity="1", files=())
    assert absence_claims(archive, {BTC}, [BTC, CONTRACT]) == []
    assert {claim.series.pair for claim in absence_claims(archive, {BTC}, [BTC, CONTRACT, NEW])} == {NEW}
