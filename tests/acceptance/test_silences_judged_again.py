"""Silences are judged by what other pairs did then, and judged again once more is known of these (domain rule 12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import series_of
from tests.acceptance.lying_archives import ADA, ASLEEP, BTC, DAYS, ETH, XRP, minutes
from tests.support.helping import ingest, written

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

MINUTES = Series(BTC, 1)
SLEEP = TimeRanges.single(*ASLEEP)
LOST = TimeRanges.single(DAYS[5], DAYS[5] + 4 * 3600)  # of three pairs, as if the whole exchange had been silent
OTHERS = [each for pair in (ETH, XRP) for each in series_of(pair)]


def doubted(home: Path, series: Series) -> TimeRanges:
    with Workbench.open(home) as bench:
        ranges = [covered for covered in bench.ledger.coverage([series]) if covered.grade == "doubtful"]
        return TimeRanges.of((covered.start, covered.end) for covered in ranges)


def one_and_the_others(market: SimulatedMarket, directory: Path) -> list[Path]:
    everyone = [each for pair in (BTC, ETH, XRP, ADA) for each in series_of(pair)]
    only = [minutes("one", *(each for each in everyone if each.pair != BTC)), minutes("others", *series_of(BTC))]
    return written(market, only, directory)


def test_a_doubt_is_lifted_by_other_pairs_that_come_in_a_later_job(market: SimulatedMarket, tmp_path: Path) -> None:
    one, others = one_and_the_others(market, tmp_path)
    ingest(tmp_path / "home", market, one)
    assert SLEEP & doubted(tmp_path / "home", MINUTES) == SLEEP
    ingest(tmp_path / "home", market, others)
    for interval in (1, 60):
        assert SLEEP & doubted(tmp_path / "home", Series(BTC, interval)) == TimeRanges()


@pytest.mark.soak
def test_a_job_of_other_pairs_alone_lifts_it_too(market: SimulatedMarket, tmp_path: Path) -> None:
    one, others = one_and_the_others(market, tmp_path)
    ingest(tmp_path / "home", market, one)
    for pair in ("ETH/USD", "XRP/USD"):
        ingest(tmp_path / "home", market, others, tier=None, pairs=[pair])
    assert SLEEP & doubted(tmp_path / "home", MINUTES) == TimeRanges()


def test_a_silence_that_was_taken_for_the_exchanges_is_doubted_once_another_pair_traded_then(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    lost = dict.fromkeys((Series(pair, 1) for pair in (BTC, ETH, XRP)), LOST)
    made = [minutes("most", *series_of(ADA), dropped=lost), minutes("witness", *series_of(BTC), *OTHERS)]
    most, witness = written(market, made, tmp_path)
    ingest(tmp_path / "home", market, most)
    assert LOST & doubted(tmp_path / "home", MINUTES) == TimeRanges()
    ingest(tmp_path / "home", market, witness, tier=None, pairs=["ADA/USD"])
    assert (LOST & doubted(tmp_path / "home", MINUTES)).seconds > 3600


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_doubted_does_not_depend_on_the_order_of_jobs(
    market: SimulatedMarket, tmp_path: Path, order: tuple[int, int]
) -> None:
    paths = one_and_the_others(market, tmp_path)
    for number in order:
        ingest(tmp_path / "home", market, paths[number])
    ingest(tmp_path / "together", market, *paths)
    for pair in (BTC, ETH, XRP, ADA):
        series = Series(pair, 1)
        assert doubted(tmp_path / "home", series) == doubted(tmp_path / "together", series)


@pytest.mark.soak
def test_undoing_the_job_of_the_witnesses_brings_the_doubt_back(market: SimulatedMarket, tmp_path: Path) -> None:
    one, others = one_and_the_others(market, tmp_path)
    ingest(tmp_path / "home", market, one)
    before = doubted(tmp_path / "home", MINUTES)
    ingest(tmp_path / "home", market, others)
    with Workbench.open(tmp_path / "home") as bench:
        bench.undo(bench.jobs()[0].id)
    assert doubted(tmp_path / "home", MINUTES) == before
