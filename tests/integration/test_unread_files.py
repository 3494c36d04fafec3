"""What could not be read is missing, and stays so, whatever else is read: a job never expects less for it."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from kraken_core import Workbench
from kraken_core.domain.market import Pair, Series
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.helping import ingest
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.strategies import FIRST_DAY, START

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
HOURS = Series(BTC, 60)
LISTINGS = [Listing(BTC, 2.0, 97_000, 1, 0.05), Listing(ETH, 2.0, 3_000, 1, 0.5)]
MARKET = SimulatedMarket.make(6, LISTINGS, START, START + 8 * DAY_S)
HALVES = (Release("a.zip", START, START + 4 * DAY_S, manifest=True, intervals=(60,)),
          Release("b.zip", START + 4 * DAY_S, MARKET.end, manifest=True, intervals=(60,)))  # fmt: skip
SPOILED = {"empty": b"", "no candles": b"nothing\n", "in milliseconds": b"1774828800000,1,1,1,1,1,1\n" * 9}


def halves(folder: Path, market: SimulatedMarket = MARKET) -> list[Path]:
    return [write_release(market, release, folder) for release in HALVES]


def spoil(archive: Path, name: str, text: bytes) -> None:
    """Give a file of the archive other content."""
    with ZipFile(archive) as whole:
        files = {each: whole.read(each) for each in whole.namelist()}
    assert name in files
    with ZipFile(archive, "w", ZIP_DEFLATED) as spoiled:
        for each, content in files.items():
            spoiled.writestr(each, text if each == name else content)


def missing(home: Path, series: Series = HOURS) -> int:
    with Workbench.open(home) as workbench:
        [line] = [line for line in workbench.holdings.report(workbench.select()).series if line.series == series]
        assert sum(gap.candles for gap in workbench.ledger.gaps([series])) == line.counts.missing
        return line.counts.missing


@pytest.mark.parametrize("text", SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("order", ["first", "last", "together"])
def test_a_file_that_cannot_be_read_is_missing_whichever_archive_comes_first(
    tmp_path: Path, text: bytes, order: str
) -> None:
    first, second = halves(tmp_path / "archives")
    spoil(first, "XBTUSD_60.csv", text)
    jobs = {"first": [[first], [second]], "last": [[second], [first]], "together": [[first, second]]}[order]
    for sources in jobs:
        ingest(tmp_path / "home", MARKET, *sources, intervals=[60])
    assert missing(tmp_path / "home") == 4 * 24
    write_release(MARKET, HALVES[0], tmp_path / "again")
    ingest(tmp_path / "home", MARKET, tmp_path / "again", intervals=[60])
    assert missing(tmp_path / "home") == 0


@pytest.mark.parametrize("place", ["head", "tail"])
def test_rejected_rows_at_an_end_of_a_file_are_missing(tmp_path: Path, place: str) -> None:
    rows = [f"{START + hour * 3600},100,110,90,105,1.5,3" for hour in range(48)]
    damaged = range(20) if place == "head" else range(28, 48)
    text = "".join(f"{row.replace('110', 'x') if at in damaged else row}\n" for at, row in enumerate(rows))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "XBTUSD_60.csv").write_text(text)
    ingest(tmp_path / "home", MARKET, tmp_path / "archive", intervals=[60], end_date="2026-03-31")
    with Workbench.open(tmp_path / "home") as workbench:
        [line] = workbench.holdings.report(workbench.select()).series
        assert line.counts.wanted == 48
        assert line.counts.missing >= 20


def test_the_life_of_a_delisted_pair_does_not_end_before_a_file_that_could_not_be_read(tmp_path: Path) -> None:
    first, second = halves(tmp_path / "archives")
    spoil(second, "ETHUSD_60.csv", b"")
    present = SimulatedMarket.make(6, LISTINGS[:1], START, MARKET.end)
    with at_pocket(tmp_path / "home", PocketExchange(present)) as workbench:
        workbench.run(workbench.plan(sources=[first, second], tier="ALL", start_date=FIRST_DAY, intervals=[60]))
    assert missing(tmp_path / "home", Series(ETH, 60)) >= 4 * 24
