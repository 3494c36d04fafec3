"""A manifest lists how many rows its archive has: fewer are said, as nothing else can tell them from silence."""

from __future__ import annotations

import zipfile
from pathlib import Path

from kraken_core.domain.market import Pair
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.command_line import Kraken, asked
from tests.support.strategies import FIRST_DAY, START

LISTINGS = [Listing(Pair(base, "USD"), 0.5, 97_000, 1, 0.05) for base in ("BTC", "ETH")]
MARKET = SimulatedMarket.make(6, LISTINGS, START, START + 4 * DAY_S)
WHOLE = Release("a.zip", START, MARKET.end, manifest=True, intervals=(60, 1440))
REQUEST = ("--start-date", FIRST_DAY, "--as-of", "2026-04-03")


def without_a_row(archive: Path, member: str) -> None:
    """The same zip, but for one row in the middle of a file."""
    with zipfile.ZipFile(archive) as whole:
        members = {info.filename: whole.read(info) for info in whole.infolist()}
    rows = members[member].splitlines(keepends=True)
    members[member] = b"".join(rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :])
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as shorter:
        for name, text in members.items():
            shorter.writestr(name, text)


def test_a_row_that_an_archive_lost_is_counted_and_said_though_no_file_shows_it(kraken: Kraken, tmp_path: Path) -> None:
    archive = write_release(MARKET, WHOLE, tmp_path / "archives")
    said = kraken(*asked(archive.parent, *REQUEST, "--intervals", "60,1440"))
    assert "its manifest lists" not in said.err
    without_a_row(archive, "XBTUSD_60.csv")
    said = kraken(*asked(archive.parent, *REQUEST, "--intervals", "60,1440"))
    [line] = [line for line in said.err.splitlines() if "its manifest lists" in line]
    rows = sum(MARKET.truth(listing.pair, interval).height for listing in LISTINGS for interval in (60, 1440))
    assert line.startswith(f"! {archive}: its manifest lists {rows} rows, and {rows - 1} were in its files.")
    assert line[2:60] in kraken("jobs", "2").out


def test_rows_are_not_compared_before_all_files_were_read(kraken: Kraken, tmp_path: Path) -> None:
    archive = write_release(MARKET, WHOLE, tmp_path / "archives")
    without_a_row(archive, "XBTUSD_60.csv")
    assert "its manifest lists" not in kraken(*asked(archive.parent, *REQUEST, "--intervals", "60")).err
