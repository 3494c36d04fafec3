"""A job that is interrupted between taking back what was derived and deriving it anew claims none of it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.market import Pair, Series
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.acceptance.never_false import assert_nothing_false
from tests.support.helping import ingest, written
from tests.support.strategies import START

BTC = Pair("BTC", "USD")
DAYS = Series(BTC, 1440)
MARKET = SimulatedMarket.make(5, [Listing(BTC, 0.5, 97_000, 1, 0.05)], START, START + 4 * DAY_S)


def covered_days(home: Path) -> int:
    with Workbench.open(home) as bench:
        return sum(known.end - known.start for known in bench.ledger.coverage([DAYS])) // DAY_S


def test_days_taken_back_to_be_derived_from_a_coarser_interval_are_not_complete_until_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release("a.zip", START, MARKET.end, manifest=True, intervals=(15,))
    [archive] = written(MARKET, [release], tmp_path / "archives")
    ingest(tmp_path / "home", MARKET, archive, intervals=[15, 1440])  # of quarters of an hour, as nothing is between
    assert covered_days(tmp_path / "home") == 4

    def interrupted(_ledger: SqlLedger, claims: Sequence[Assertion]) -> None:
        assert {claim.series for claim in claims if claim.withdrawn} == {DAYS}
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SqlLedger, "end_change", interrupted)
        with pytest.raises(Interrupted):
            ingest(tmp_path / "home", MARKET, archive)
    assert covered_days(tmp_path / "home") == 0
    with Workbench.open(tmp_path / "home") as bench:
        assert_nothing_false(bench, MARKET)

    ingest(tmp_path / "home", MARKET, archive)
    assert covered_days(tmp_path / "home") == 4
