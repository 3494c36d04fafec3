"""The simulator: one tape a pair, the truth computed from it, and releases that hold that truth and no more."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.archives import day_start, quarter_bounds, series_of, stated_by_name
from kraken_core.domain.candles import VALUES, aggregate
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.simulator.archive import CHECKSUMS, write_release
from kraken_core.simulator.candles import candles
from kraken_core.simulator.demo import demo_market, demo_releases, simulate
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Layout, Release, known_holes
from kraken_core.simulator.release import series_of as all_series_of
from kraken_core.simulator.tape import NS, Tape
from tests.strategies import markets, releases

START = day_start(date(2026, 3, 30))
END = START + 3 * DAY_S
BTC, DOGE, PEPE = Pair("BTC", "USD"), Pair("DOGE", "USD"), Pair("PEPE", "USD")
LISTINGS = {
    BTC: Listing(BTC, 0.3, 97_000, 1, 0.05),
    DOGE: Listing(DOGE, 0.002, 0.16, 7, 900),
    PEPE: Listing(PEPE, 0.1, 1.2e-05, 9, 2e7, 0),  # a day's volume exceeds 2**53 units
}
MAINTENANCE = TimeRanges.single(START + 7 * 3600, START + 9 * 3600)
FILE = {"time": pl.Int64, **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64), "trades": pl.Int32}

unhurried = settings(deadline=None, max_examples=50)  # how long an example takes says nothing about the simulator


def market_of(*pairs: Pair, seed: int = 5, **lives: tuple[TimeRange, ...]) -> SimulatedMarket:
    listings = [replace(LISTINGS[pair], lives=lives.get(pair.base, ())) for pair in pairs]
    return SimulatedMarket.make(seed, listings, START, END, MAINTENANCE)


def release_of(**details: Any) -> Release:
    return replace(Release("release.zip", START, END, Layout.FOLDER), **details)


def one_trade(price_ticks: int, volume_units: int) -> Tape:
    time_ns, price, volume = (np.array([n], dtype=np.int64) for n in (START * NS, price_ticks, volume_units))
    return Tape(PEPE, 9, time_ns, price, volume, np.array([True]))


def columns(tape: Tape) -> list[list[int]]:
    arrays = (tape.time_ns, tape.price_ticks, tape.volume_units, tape.buys, tape.ids)
    return [array.tolist() for array in arrays]


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


def truth_of(market: SimulatedMarket, series: Series, start: int, end: int) -> pl.DataFrame:
    """The slots of a series that open in ``[start, end)`` and traded, in the columns of a file."""
    truth = market.truth(series.pair, series.interval).with_columns(pl.col("time").dt.epoch("s"))
    return truth.filter(pl.col("time").is_between(start, end, closed="left")).select(*FILE)


# ------------------------------------------------------------------------------------------------------------ tapes


def test_the_same_seed_makes_the_same_market_and_another_seed_another() -> None:
    first, again, other = (market_of(BTC, PEPE, seed=seed) for seed in (1, 1, 2))
    assert all(columns(first.tapes[pair]) == columns(again.tapes[pair]) for pair in (BTC, PEPE))
    assert not any(columns(first.tapes[pair]) == columns(other.tapes[pair]) for pair in (BTC, PEPE))


def test_a_pair_trades_the_same_whatever_else_is_listed() -> None:
    alone, among_others = market_of(DOGE), market_of(PEPE, DOGE, BTC)
    assert columns(alone.tapes[DOGE]) == columns(among_others.tapes[DOGE])


def test_two_pairs_listed_alike_do_not_trade_alike() -> None:
    listings = [LISTINGS[BTC], replace(LISTINGS[BTC], pair=PEPE)]
    tapes = SimulatedMarket.make(5, listings, START, END).tapes
    assert not set(tapes[BTC].time_ns.tolist()) & set(tapes[PEPE].time_ns.tolist())


@unhurried
@given(markets())
def test_trades_come_in_order_within_their_lives_and_never_in_a_silence(market: SimulatedMarket) -> None:
    for pair, tape in market.tapes.items():
        seconds = (tape.time_ns // NS).tolist()
        lives = TimeRanges.of(market.listings[pair].lives or [(market.start, market.end)])
        assert seconds == sorted(seconds)
        assert all(second in lives and second not in market.silences for second in seconds)
        assert (tape.price_ticks > 0).all()
        assert (tape.volume_units > 0).all()


def test_some_trades_share_their_instant_and_some_open_a_minute_exactly() -> None:
    times = market_of(BTC).tapes[BTC].time_ns
    assert (np.diff(times) == 0).any()
    assert (times % (60 * NS) == 0).any()


def test_a_part_of_a_tape_keeps_its_trades_ids() -> None:
    tape = market_of(BTC).tapes[BTC]
    day = tape.between(START + DAY_S, START + 2 * DAY_S)
    assert 0 < day.first_id - 1 < len(tape)
    assert columns(day) == [column[day.ids[0] - 1 : day.ids[-1]] for column in columns(tape)]
    assert len(tape.between(START, START + DAY_S)) == day.first_id - 1
    assert day[5:9].ids.tolist() == day.ids[5:9].tolist()


def test_a_trade_on_a_boundary_belongs_to_what_begins_there() -> None:
    tape = market_of(BTC).tapes[BTC]
    boundary = int(tape.time_ns[tape.time_ns % (60 * NS) == 0][0]) // NS
    assert tape.between(START, boundary).time_ns[-1] < boundary * NS
    assert tape.between(boundary, END).time_ns[0] == boundary * NS


def test_prices_and_volumes_are_exact_decimal_text() -> None:
    tape = one_trade(price_ticks=12, volume_units=34_507_674)
    assert (tape.prices(), tape.volumes()) == (["0.000000012"], ["0.34507674"])
    assert replace(tape, price_decimals=0).prices() == ["12"]


def test_a_pair_listed_twice_and_a_life_that_begins_within_a_minute_are_refused() -> None:
    with pytest.raises(UsageError, match="listed twice"):
        SimulatedMarket.make(1, [LISTINGS[BTC], LISTINGS[BTC]], START, END)
    with pytest.raises(UsageError, match=r"BTC/USD .* whole minutes"):
        market_of(BTC, BTC=(TimeRange(START + 1, END),))


# ------------------------------------------------------------------------------------------------------------ truth


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_truth_equals_a_loop_over_the_trades_in_exact_decimals(interval: int) -> None:
    market = market_of(BTC, DOGE, PEPE)
    for pair, tape in market.tapes.items():
        expected: dict[int, list[Any]] = {}
        for time_ns, price_text, volume_text in zip(tape.time_ns.tolist(), tape.prices(), tape.volumes(), strict=True):
            price, volume = Decimal(price_text), Decimal(volume_text)
            slot = floor(time_ns // NS, interval * 60)
            _, high, low, _, total, count = candle = expected.setdefault(
                slot, [price, price, price, price, Decimal(), 0]
            )
            candle[1:] = max(high, price), min(low, price), price, total + volume, count + 1
        assert truth_of(market, Series(pair, interval), START, END).rows() == [
            (slot, *map(float, candle[:-1]), candle[-1]) for slot, candle in expected.items()
        ]


def test_a_volume_beyond_the_integers_of_a_double_is_rounded_only_once() -> None:
    units = 88_383_629_132_367_428
    assert float(units) / 1e8 != float(Decimal(units).scaleb(-8))
    tape = one_trade(price_ticks=12, volume_units=units)
    assert candles(tape, 1)["volume"].to_list() == [float(Decimal(units).scaleb(-8))]


@unhurried
@given(markets(), st.sampled_from([(1, 5), (1, 1440), (15, 30), (60, 720), (240, 720), (720, 1440)]))
def test_coarse_candles_equal_the_aggregation_of_finer_ones(
    market: SimulatedMarket, intervals: tuple[int, int]
) -> None:
    fine, coarse = intervals
    for pair in market.tapes:
        finer = market.truth(pair, fine).with_columns(source=pl.lit("csv"), rank=pl.lit(0, pl.Int64))
        closed = pl.col("time").dt.epoch("s") < floor(market.end, coarse * 60)
        derived = aggregate(finer.filter(closed), coarse)
        assert_frame_equal(
            derived.select("time", *VALUES), market.truth(pair, coarse).select("time", *VALUES), check_exact=True
        )


@unhurried
@given(markets(), st.sampled_from(INTERVALS))
def test_every_closed_slot_of_a_life_is_either_traded_or_silent(market: SimulatedMarket, interval: int) -> None:
    for pair in market.tapes:
        traded, lived = market.traded(pair, interval), market.lived(pair, interval)
        opens = market.truth(pair, interval)["time"].dt.epoch("s").to_list()
        assert [at for span in traded for at in range(*span, interval * 60)] == opens
        assert traded & lived == traded
        assert all(at in traded for at in ([lived.bounds[0]] if lived else []))


@unhurried
@given(markets(), st.sampled_from((1, 5)))
def test_a_silence_is_silent_for_every_pair(market: SimulatedMarket, interval: int) -> None:
    for pair in market.tapes:
        assert not market.traded(pair, interval) & market.silences.inner(interval * 60)


def test_a_pair_lives_from_its_first_trade_and_a_delisted_one_until_after_its_last() -> None:
    hours = [TimeRange(START + a * 3600, START + b * 3600) for a, b in ((10, 20), (40, 50), (60, 72))]
    market = market_of(BTC, PEPE, BTC=tuple(hours), PEPE=tuple(hours[:2]))
    first, second, third = market.lives(BTC)
    assert [life.assumed for life in (first, second, third)] == [False] * 3
    assert third.end is None
    for life, span in ((first, hours[0]), (second, hours[1])):
        trades = market.tapes[BTC].between(*span).time_ns // NS
        assert (life.start, life.end) == (trades[0], trades[-1] + 1)
    assert len(market.lives(PEPE)) == 2
    assert market.lives(PEPE)[1].end is not None
    assert market.lived(PEPE, 1440) == TimeRanges.single(START, END)


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


@pytest.mark.parametrize("layout", Layout)
def test_every_layout_holds_the_same_and_is_written_the_same_twice(tmp_path: Path, layout: Layout) -> None:
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
    whole = write_release(market, release_of(layout=Layout.ZIP), tmp_path / "whole")
    first = write_release(market, release_of(layout=Layout.SPLIT), tmp_path / "split")
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
    assert (full.name, full.layout) == ("Kraken_OHLCVT_Full_2026Q2.zip", Layout.SPLIT)
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
        "No release holds [2026-01-01T00:00:00Z, 2026-04-01T00:00:00Z).",
        "No release holds [2026-07-01T00:00:00Z, 2026-07-08T00:00:00Z).",
        "Kraken_OHLCVT_2026Q2.zip has no files of 30 minutes.",
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
