"""The simulator's releases: they hold the truth of their market and no more, and it is known what they lack."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.archives import quarter_bounds, series_of
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.simulator.archive import CHECKSUMS, write_release
from kraken_core.simulator.demo import demo_market, demo_releases, simulate
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release, ReleaseLayout, known_holes
from kraken_core.simulator.release import series_of as all_series_of
from tests.support.strategies import markets, releases
from tests.unit.short_markets import BTC, DOGE, END, FILE, PEPE, START, market_of, truth_of, unhurried


def release_of(**details: Any) -> Release:
    return replace(Release("release.zip", START, END, ReleaseLayout.FOLDER), **details)


def contents(path: Path) -> dict[str, bytes]:
    """Whatever a written release holds, by name inside."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    parts = sorted(path.parent.glob(f"{path.stem}.part*")) if path.suffix.startswith(".part") else [path]
    with zipfile.ZipFile(io.BytesIO(b"".join(part.read_bytes() for part in parts))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def candle_files(path: Path) -> dict[Series, pl.DataFrame]:
    """The candle files of a written release, under the names that the real ones have."""
    files = {}
    for name, content in contents(path).items():
        series = None if name.startswith("__MACOSX") else series_of(Path(name).name)
        if series:
            files[series] = pl.read_csv(io.BytesIO(content), has_header=False, schema=FILE)
    return files


def manifest_of(path: Path) -> dict[str, Any]:
    (text,) = [content for name, content in contents(path).items() if name.endswith("MANIFEST.json")]
    manifest: dict[str, Any] = json.loads(text)
    return manifest


# --------------------------------------------------------------------------------------------------------- releases


@unhurried
@given(st.data())
def test_a_release_holds_exactly_the_truth_of_its_days(data: st.DataObject) -> None:
    market = data.draw(markets())
    with TemporaryDirectory() as directory:
        for release in data.draw(releases(market)):
            held = candle_files(write_release(market, release, Path(directory)))
            for series in (Series(pair, interval) for pair in market.tapes for interval in release.intervals):
                last_slot = floor(release.end - 1, series.width)
                truth = truth_of(market, series, release.start, release.end)
                settled = truth.filter(pl.col("time") < last_slot)
                if series in held:
                    file = held.pop(series)
                    assert_frame_equal(file.filter(pl.col("time") < last_slot), settled, check_exact=True)
                    if not release.edge.get(series) and not release.end % series.width:
                        assert_frame_equal(file, truth, check_exact=True)
                else:
                    assert series in {*release.without, *release.lost} or settled.is_empty()
            assert not held


def test_files_have_krakens_names_and_numbers(tmp_path: Path) -> None:
    market = market_of(BTC, DOGE, PEPE)
    held = contents(write_release(market, release_of(), tmp_path))
    assert {name.rpartition("_")[0] for name in held} == {"XBTUSD", "XDGUSD", "PEPEUSD"}
    assert b"XBT" not in held["XBTUSD_60.csv"]
    time, open_, *_, volume, trades = held["PEPEUSD_60.csv"].splitlines()[0].split(b",")
    assert (int(time), trades.isdigit()) == (START, True)
    assert open_.endswith(b"e-05")
    assert volume.isdigit()
    assert held["XBTUSD_1440.csv"].splitlines()[0].split(b",")[1] == b"%.1f" % market.truth(BTC, 1440)["open"][0]


def test_a_pair_that_did_not_trade_has_no_file_at_all(tmp_path: Path) -> None:
    market = market_of(BTC, PEPE, PEPE=(TimeRange(START, START + DAY_S),))
    held = candle_files(write_release(market, release_of(start=START + DAY_S), tmp_path))
    assert {series.pair for series in held} == {BTC}
    assert len(held) == len(INTERVALS)


def test_a_manifest_states_what_was_released_even_of_files_lost_since(tmp_path: Path) -> None:
    market = market_of(BTC, PEPE)
    lost, never = Series(BTC, 60), Series(PEPE, 1)
    path = write_release(market, release_of(manifest=True, lost=[lost], without=[never]), tmp_path)
    held, manifest = candle_files(path), manifest_of(path)
    assert lost not in held
    assert never not in held
    assert manifest["coverage"] == {"start": "2026-03-30", "end": "2026-04-01"}
    assert manifest["generated"] == "2026-05-19"
    assert (manifest["pairs"], manifest["files"]) == (2, 15)
    assert len(held) == 14
    assert manifest["rows"] == sum(map(len, held.values())) + len(market.truth(BTC, 60))


def test_a_whole_pair_can_be_hushed_up(tmp_path: Path) -> None:
    path = write_release(market_of(BTC, PEPE), release_of(manifest=True, without=all_series_of(PEPE)), tmp_path)
    assert {series.pair for series in candle_files(path)} == {BTC}
    assert manifest_of(path)["files"] == len(INTERVALS)


@pytest.mark.parametrize("layout", ReleaseLayout)
def test_every_layout_holds_the_same_and_is_written_the_same_twice(tmp_path: Path, layout: ReleaseLayout) -> None:
    market = market_of(BTC)
    flat = contents(write_release(market, release_of(manifest=True), tmp_path / "flat"))
    release = release_of(manifest=True, layout=layout, folder="master_q4", junk=True)
    once, twice = (write_release(market, release, tmp_path / run) for run in ("once", "twice"))
    held = contents(once)
    assert {f"master_q4/{name}" for name in flat} <= held.keys()
    assert held["__MACOSX/master_q4/._XBTUSD_60.csv"].startswith(bytes.fromhex("00051607"))
    assert {"master_q4/.DS_Store", "master_q4/BTCUSD_Daily_OHLC.csv"} <= held.keys()
    assert all(held[f"master_q4/{name}"] == content for name, content in flat.items())
    assert contents(tmp_path / "once") == contents(tmp_path / "twice")
    assert once.relative_to(tmp_path / "once") == twice.relative_to(tmp_path / "twice")


def test_the_parts_of_a_split_zip_are_the_zip_and_match_their_checksums(tmp_path: Path) -> None:
    market = market_of(BTC)
    whole = write_release(market, release_of(layout=ReleaseLayout.ZIP), tmp_path / "whole")
    first = write_release(market, release_of(layout=ReleaseLayout.SPLIT), tmp_path / "split")
    assert first.name == "release.zip.part00"
    parts = sorted(first.parent.glob("*.part*"))
    assert b"".join(part.read_bytes() for part in parts) == whole.read_bytes()
    expected = [f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {part.name}" for part in parts]
    assert (first.parent / CHECKSUMS).read_text().splitlines() == expected


def test_a_last_candle_can_stop_growing_early_or_be_missing(tmp_path: Path) -> None:
    market = market_of(BTC)
    day, hour, half_day = (Series(BTC, interval) for interval in (1440, 60, 720))
    release = release_of(edge={day: 6 * 3600, half_day: DAY_S})
    held = candle_files(write_release(market, release, tmp_path))
    assert_frame_equal(held[hour], truth_of(market, hour, START, END))
    assert_frame_equal(held[half_day], truth_of(market, half_day, START, END - half_day.width))
    assert held[day][:-1].equals(truth_of(market, day, START, END)[:-1])
    assert held[day]["trades"][-1] == len(market.tapes[BTC].between(END - DAY_S, END - 6 * 3600))


def test_a_vintage_can_be_wrong_in_its_volumes_alone_and_still_agree_with_itself(tmp_path: Path) -> None:
    market = market_of(BTC)
    held = candle_files(write_release(market, release_of(volume_error=0.0025), tmp_path))
    for series, file in held.items():
        truth = truth_of(market, series, START, END)
        assert file.drop("volume").equals(truth.drop("volume"))
        relative = (file["volume"] / truth["volume"]).to_numpy() - 1
        assert 0 < np.abs(relative).max() < 0.0026
    assert held[Series(BTC, 1)]["volume"].sum() == pytest.approx(held[Series(BTC, 1440)]["volume"].sum(), abs=1e-7)


def test_quarterly_and_full_releases_are_called_and_state_what_krakens_do() -> None:
    old, new, full = Release.quarterly(2026, 1), Release.quarterly(2026, 2), Release.full(2026, 2)
    assert (old.name, old.manifest) == ("Kraken_OHLCVT_Q1_2026.zip", False)
    assert (new.name, new.manifest, new.generated) == ("Kraken_OHLCVT_2026Q2.zip", True, date(2026, 8, 17))
    assert (full.name, full.layout) == ("Kraken_OHLCVT_Full_2026Q2.zip", ReleaseLayout.SPLIT)
    for release in (old, new):
        assert stated_by_name(release.name) == (release.start, release.end)
    assert stated_by_name(full.name) == (None, quarter_bounds(2026, 2)[1])


def test_a_release_of_the_future_or_from_within_a_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would end after the market"):
        write_release(market_of(BTC), release_of(end=END + DAY_S), tmp_path)
    with pytest.raises(UsageError, match="starts at midnight"):
        release_of(start=START + 60)
    with pytest.raises(UsageError, match="ends at midnight"):
        release_of(end=END - 60, manifest=True)


# ------------------------------------------------------------------------------------------------------------- demo


@pytest.fixture(scope="module")
def demo() -> SimulatedMarket:
    return demo_market()


def test_the_demo_has_every_kind_of_life(demo: SimulatedMarket) -> None:
    lives = {str(pair): demo.lives(pair) for pair in demo.tapes}
    assert len(lives) == 8
    assert lives["PEPE/USD"][0].start > demo.start + 100 * DAY_S
    assert [life.end is None for life in lives["OMG/USD"]] == [False, False]
    assert 50 < len(demo.tapes[Pair("BNT", "EUR")]) < 500


def test_the_demo_says_what_it_lacks(tmp_path: Path) -> None:
    simulation = simulate(tmp_path)
    assert all(path.exists() for path in simulation.paths)
    assert simulation.holes == known_holes(simulation.market, demo_releases())
    assert simulation.holes == [
        "No release contains [2026-01-01T00:00:00Z, 2026-04-01T00:00:00Z).",
        "No release contains [2026-07-01T00:00:00Z, 2026-07-08T00:00:00Z).",
        "Kraken_OHLCVT_2026Q2.zip has no 30m files.",
        "Kraken_OHLCVT_2026Q2.zip has lost ADAUSD_1.csv.",
        "Kraken_OHLCVT_2026Q2.zip has lost ETHUSD_60.csv.",
    ]
    names = {path.name: candle_files(path) for path in simulation.paths}
    quarter = names["Kraken_OHLCVT_2026Q2.zip"]
    assert Series(Pair("ADA", "USD"), 1) not in quarter
    assert not any(series.interval == 30 for series in quarter)


def test_rows_may_be_lost_from_the_middle_of_a_file_and_others_be_wrong(tmp_path: Path) -> None:
    market, hours = market_of(BTC), Series(BTC, 60)
    lost, wrong = TimeRanges.of([(START + 3600, START + 7200)]), TimeRanges.of([(START + 18_000, START + 25_200)])
    release = release_of(dropped={hours: lost}, altered={hours: wrong})
    written, truth = candle_files(write_release(market, release, tmp_path)), truth_of(market, hours, START, END)
    wrong_rows = truth["time"].is_in([START + 18_000, START + 21_600])
    expected = truth.with_columns(high=pl.when(wrong_rows).then(pl.col("high") * 2).otherwise("high"))
    assert_frame_equal(written[hours], expected.filter(pl.col("time") != START + 3600), check_exact=True)
    assert known_holes(market, [release]) == [f"release.zip has lost {next(iter(lost))} of XBTUSD_60.csv."]


def test_holes_of_a_release_that_never_had_a_file_are_told() -> None:
    market = market_of(BTC)
    told = known_holes(market, [release_of(without=[Series(BTC, 5)])])
    assert told == ["release.zip never had XBTUSD_5.csv."]
