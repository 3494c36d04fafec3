"""A source that cannot be read at all: nothing is complete on its silence."""

from __future__ import annotations

from pathlib import Path

from kraken_core.domain.market import Pair
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.command_line import Kraken, asked
from tests.support.strategies import FIRST_DAY, START

MARKET = SimulatedMarket.make(6, [Listing(Pair("BTC", "USD"), 2.0, 97_000, 1, 0.05)], START, START + 4 * DAY_S)
WHOLE = Release("a.zip", START, MARKET.end, manifest=True, intervals=(60,))


def test_an_archive_that_cannot_be_read_keeps_a_history_from_being_complete(kraken: Kraken, tmp_path: Path) -> None:
    archive = write_release(MARKET, WHOLE, tmp_path / "archives")
    broken = archive.with_name("b.zip")
    broken.write_bytes(archive.read_bytes()[:200])
    words = asked(archive.parent, "--start-date", FIRST_DAY, "--as-of", "2026-04-03", "--intervals", "60")
    said = kraken(*words, "--complete", code=4)
    assert "b.zip could not be read, and what it contains is unknown" in said.err
    broken.unlink()
    kraken(*words, "--complete")
