"""Archives whose files were damaged on their way: what is called complete is, and no candle is wrong or made up."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.simulator.damage import DamageKind, damaged
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.never_false import assert_nothing_false
from tests.support.helping import folder, ingest, written
from tests.support.strategies import markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def spoil(data: st.DataObject, archive: Path) -> None:
    """Damage some of the files of an archive that lies in a folder."""
    files = sorted(archive.rglob("*_*.csv"))
    for file in data.draw(st.lists(st.sampled_from(files), unique=True), label="files") if files else ():
        damage = data.draw(st.sampled_from(DamageKind), label="damage")
        file.write_bytes(damaged(file.read_bytes(), damage, data.draw(st.integers(0, 1 << 20), label="seed")))


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    drawn = [_in_a_folder(release) for release in data.draw(releases(market))]
    with folder() as here:
        archives = written(market, drawn, here / "archives")
        for archive in archives:
            spoil(data, archive)
        for archive in data.draw(st.permutations(archives), label="order"):
            with contextlib.suppress(KrakenError):  # nothing in it could be read, which was said
                ingest(here / "home", market, archive)
        with Workbench.open(here / "home") as workbench:
            assert_nothing_false(workbench, market)


def _in_a_folder(release: Release) -> Release:
    """Zips have checksums: what is damaged in them is not read at all."""
    return Release(**{name: getattr(release, name) for name in Release.__slots__} | {"layout": ReleaseLayout.FOLDER})


@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=2)
def test_damaged_files_end_in_no_false_claim(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets())
@settings(whole_jobs, max_examples=3000)
def test_thousands_of_damaged_archives_end_in_no_false_claim(data: st.DataObject, market: SimulatedMarket) -> None:
    check(data, market)
