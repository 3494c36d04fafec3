"""The average price of candles, as users get it: true by the trades, in any order of jobs, and on request only."""

from __future__ import annotations

import random
import zipfile
from itertools import permutations
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.candles import FULL_SCHEMA
from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.stores.delta.store import DeltaStore
from tests.support.averages import assert_true_averages, exact
from tests.support.command_line import Kraken, refused
from tests.support.helping import in_soak, ingest, table, written
from tests.support.pocket_exchange import PocketExchange, at_pocket
from tests.support.questdb_server import QuestDB
from tests.support.strategies import FIRST_DAY, START

pytest_plugins = ["tests.support.servers"]

BTC, ADA = Pair("BTC", "USD"), Pair("ADA", "EUR")
DAYS = 4
COLUMNS = ["open", "high", "low", "close", "volume", "trades", "source"]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    listings = [Listing(BTC, 0.2, 97_000, 1, 0.05), Listing(ADA, 0.02, 0.45, 6, 400)]
    return SimulatedMarket.make(11, listings, START, START + DAYS * DAY_S)


@pytest.fixture(params=["folder", pytest.param("questdb", marks=pytest.mark.questdb)])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose candles are in a folder, or on a server."""
    if request.param == "questdb":
        questdb: QuestDB = request.getfixturevalue("questdb")
        monkeypatch.setenv("KRAKEN_STORE", questdb.url)
    return tmp_path / "home"


def assert_true(workbench: Workbench, market: SimulatedMarket) -> dict[str, int]:
    """All averages in covered slots are true; how many there are, by source."""
    stored, coverage = table(workbench), workbench.ledger.coverage()
    counted: dict[str, int] = {}
    for pair, tape in market.tapes.items():
        for interval in INTERVALS:
            known = TimeRanges.of((c.start, c.end) for c in coverage if c.series == Series(pair, interval))
            mine = stored.filter(pair=str(pair), interval_minutes=interval)
            settled = [at in known for at in mine["time"].dt.epoch("s")]
            for source, count in assert_true_averages(mine.filter(pl.Series(settled)), tape, interval).items():
                counted[source] = counted.get(source, 0) + count
    return counted


# ----------------------------------------------------------------------------------------------------------- the truth


def test_of_answers_of_the_exchange_every_candle_has_its_average(home: Path, market: SimulatedMarket) -> None:
    """OHLC answers, sweeps of trades, and what is derived of either, first without and then with the trades."""
    asked = {"tier": "ALL", "start_date": FIRST_DAY, "sources": [], "complete": True}
    exchange = PocketExchange(market, market.end + SETTLING_S)
    with at_pocket(home, exchange) as workbench:
        workbench.run(workbench.plan(**asked, trades=False))
        answered = assert_true(workbench, market)
        assert answered["ohlc"] > 0
        assert answered["derived"] > 0
        assert answered["trades"] == 0
        whole = workbench.candles(BTC, 240, vwap=True)
        assert whole["vwap"].notna().all()
        assert list(workbench.candles(BTC, 240)) == COLUMNS
        workbench.run(workbench.plan(**asked))
        swept = assert_true(workbench, market)
        assert swept["trades"] > 0
        stored = table(workbench)
        assert stored.filter(pl.col("vwap").is_null()).height == 0
        [row] = workbench.sql("SELECT count(*) AS candles, count(vwap) AS averages FROM candles", to="polars").rows()
        assert row == (stored.height, stored.height)


def with_averages(release: Path, market: SimulatedMarket, target: Path) -> Path:
    """An archive whose files have the column between close and volume, as some collectors write it."""
    target.parent.mkdir(parents=True)
    with zipfile.ZipFile(release) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            altname, _, interval = Path(name).stem.rpartition("_")
            if not interval.isdigit():
                continue
            averages = exact(market.tapes[Pair.parse(altname)], int(interval))
            rows = (line.split(",") for line in source.read(name).decode().splitlines())
            lines = [",".join([*row[:5], f"{float(averages[int(row[0])])!r}", *row[5:]]) for row in rows]
            made.writestr(name, "".join(f"{line}\n" for line in lines))
    return target


@pytest.fixture(scope="module")
def sources(market: SimulatedMarket, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Archives of candles, one of which has averages, and of trades, that overlap."""
    folder = tmp_path_factory.mktemp("archives")
    ends = [START + day * DAY_S for day in range(DAYS + 1)]
    made = [
        Release("Kraken_OHLCVT_Q1_2026.zip", ends[0], ends[3], manifest=True, intervals=(1, 60, 1440)),
        Release("trades_first.zip", ends[0], ends[2], trades=True),
        Release("trades_second.zip", ends[1], ends[3], trades=True),
        Release("averages.zip", ends[2], ends[4], intervals=(1, 15, 240)),
    ]
    *others, plain = written(market, made, folder)
    return [*others, with_averages(plain, market, folder / "with" / plain.name)]


ORDERS = list(permutations(range(4)))
random.Random(5).shuffle(ORDERS)


@pytest.mark.parametrize("order", [ORDERS[0], *in_soak(*((order,) for order in ORDERS[1:]))], ids=str)
def test_of_archives_the_order_does_not_matter(
    order: tuple[int, ...], market: SimulatedMarket, sources: list[Path], tmp_path: Path
) -> None:
    ingest(tmp_path / "together", market, *sources)
    for number in order:
        ingest(tmp_path / "apart", market, sources[number])
    with Workbench.open(tmp_path / "together") as together, Workbench.open(tmp_path / "apart") as apart:
        stored = table(together)
        assert_frame_equal(stored, table(apart), check_exact=True)
        for source in ("csv", "trades"):
            assert stored.filter(pl.col("source") == source)["vwap"].is_not_null().any(), source
        for pair, tape in market.tapes.items():
            for interval in INTERVALS:
                of_trades = stored.filter(pair=str(pair), interval_minutes=interval, source="trades")
                settled = of_trades.filter(pl.col("rank") >= 1 << 62)
                assert_true_averages(settled, tape, interval)


def test_an_archive_that_takes_the_slots_of_answers_has_none_in_them_whichever_came_first(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    """The average is of the candle in force: of equal values the archive's is, and nothing is restated by that."""
    [archive] = written(market, [Release("first.zip", START, market.end, manifest=True, intervals=(240,))], tmp_path)
    asked = {"tier": "ALL", "intervals": [240], "start_date": FIRST_DAY, "trades": False}
    exchange = PocketExchange(market, market.end + SETTLING_S)
    tables = []
    for name, order in (("answers", ([], [archive])), ("archive", ([archive], []))):
        with at_pocket(tmp_path / name, exchange) as workbench:
            for sources in order:
                job = workbench.run(workbench.plan(sources=sources, **asked))
                assert job.metrics.records_changed == 0
            stored = table(workbench)
            known = stored.filter(source="csv")
            assert known.height > 0
            assert known["vwap"].null_count() == known.height
            assert workbench.ledger.differences() == []
            tables.append(stored.filter(pl.col("rank") >= 1 << 62, source="csv"))
    assert_frame_equal(*tables, check_exact=True)


def test_what_was_derived_is_derived_anew_when_the_finer_ones_get_exact_averages(
    market: SimulatedMarket, tmp_path: Path
) -> None:
    """First of answers, whose averages are rounded, then of trades at the finest interval alone."""
    [trades] = written(market, [Release("trades.zip", START, market.end, trades=True)], tmp_path / "archives")
    asked = {"tier": "ALL", "start_date": FIRST_DAY, "trades": False}
    with at_pocket(tmp_path / "home", PocketExchange(market, market.end + SETTLING_S)) as workbench:
        workbench.run(workbench.plan(**asked, sources=[], intervals=[60, 720]))
        before = table(workbench).filter(interval_minutes=720, source="derived")
        workbench.run(workbench.plan(**asked, sources=[trades], intervals=[60]))
        workbench.run(workbench.plan(**asked, sources=[], intervals=[60, 720]))
        after = table(workbench).filter(interval_minutes=720, source="derived")
        for pair, tape in market.tapes.items():
            truth = exact(tape, 720)
            rows = after.filter(pair=str(pair)).select(pl.col("time").dt.epoch("s"), "vwap").rows()
            inner = [(time, vwap) for time, vwap in rows if START < time < market.end - DAY_S // 2]
            assert len(inner) == 2 * DAYS - 2
            assert all(vwap == pytest.approx(float(truth[time]), rel=1e-13) for time, vwap in inner)
        assert (before["vwap"] != after["vwap"]).all()  # the outer ones too, which are of answers in part


# ------------------------------------------------------------------------------------------------------------- reading


@pytest.fixture(scope="module")
def read_home(market: SimulatedMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of trades, and two more of which the archive has no averages."""
    folder = tmp_path_factory.mktemp("read")
    middle = START + 2 * DAY_S
    made = [
        Release("trades.zip", START, middle, trades=True),
        Release("plain.zip", middle, market.end, manifest=True, intervals=(1, 60)),
    ]
    ingest(folder / "home", market, *written(market, made, folder / "archives"))
    return folder / "home"


def test_it_is_a_column_behind_the_others_on_request(read_home: Path) -> None:
    with Workbench.open(read_home) as workbench:
        plain, asked = workbench.candles(BTC, 60), workbench.candles(BTC, 60, vwap=True)
        assert list(plain) == COLUMNS
        assert list(asked) == [*COLUMNS, "vwap"]
        pd.testing.assert_frame_equal(asked[COLUMNS], plain)
        assert asked["vwap"].dtype == "float64"
        assert 0 < asked["vwap"].isna().sum() < len(asked)
        assert workbench.candles(BTC, 60, to="polars").columns == ["time", *COLUMNS]
        assert workbench.candles([BTC, ADA], 60, vwap=True, to="polars").columns == ["pair", "time", *COLUMNS, "vwap"]
        assert workbench.candles(BTC, 60, vwap=True, to="arrow").column_names == ["time", *COLUMNS, "vwap"]
        wide = workbench.candles([BTC, ADA], 60, pivot="vwap")
        assert wide["BTC/USD"].dropna().tolist() == asked["vwap"].dropna().tolist()
        filled = workbench.candles(ADA, 1, vwap=True, fill="previous")
        assert list(filled) == [*COLUMNS, "vwap", "filled"]
        assert filled.loc[filled["filled"], "vwap"].isna().all()
        assert list(workbench.candles(ADA, 1, fill="previous")) == [*COLUMNS, "filled"]
        flagged = workbench.candles(BTC, 60, vwap=True, flags=True)
        assert list(flagged) == [*COLUMNS, "vwap", "flags"]


def test_of_resampled_candles_it_is_weighted_and_there_where_all_finer_ones_have_it(
    read_home: Path, market: SimulatedMarket
) -> None:
    with Workbench.open(read_home) as workbench:
        found = workbench.candles(BTC, "2h", vwap=True, to="polars")
        truth = exact(market.tapes[BTC], 120)
        middle = START + 2 * DAY_S
        for time, vwap in found.select(pl.col("time").dt.epoch("s"), "vwap").iter_rows():
            assert vwap == (pytest.approx(float(truth[time]), rel=1e-13) if time < middle else None)
        assert list(workbench.candles(BTC, "2h")) == COLUMNS


def test_scans_views_and_earlier_states_have_it_too(read_home: Path) -> None:
    with Workbench.open(read_home) as workbench:
        asked = workbench.candles(BTC, 60, vwap=True, to="polars")["vwap"]
        scanned = workbench.scan(BTC, 60, vwap=True)
        assert scanned.collect_schema().names() == ["pair", "interval_minutes", "time", *COLUMNS, "vwap"]
        assert scanned.sort("time").collect()["vwap"].equals(asked)
        assert workbench.scan(BTC, 60).collect_schema().names() == ["pair", "interval_minutes", "time", *COLUMNS]
        viewed = workbench.sql(
            "SELECT * FROM candles WHERE pair = 'BTC/USD' AND interval_minutes = 60 ORDER BY time", to="polars"
        )
        assert viewed.columns == ["pair", "interval_minutes", "time", *COLUMNS, "vwap"]
        assert viewed["vwap"].equals(asked)
        newest = workbench.version
        assert workbench.candles(BTC, 60, vwap=True, version=newest, to="polars")["vwap"].equals(asked)
        then = workbench.jobs()[0].finished_at
        assert workbench.candles(BTC, 60, vwap=True, as_known_at=then, to="polars")["vwap"].equals(asked)


def test_exports_have_it_where_they_have_room(read_home: Path, kraken: Kraken, tmp_path: Path) -> None:
    words = ("export", "--home", read_home, "--pairs", "BTC/USD", "--intervals", "60", "--to")
    kraken(*words, tmp_path / "plain")
    kraken(*words, tmp_path / "with", "--vwap")
    plain, asked = (pl.read_parquet(tmp_path / name / "XBTUSD_60.parquet") for name in ("plain", "with"))
    assert asked.columns == [*plain.columns, "vwap"]
    assert asked.drop("vwap").equals(plain)
    with Workbench.open(read_home) as workbench:
        assert asked["vwap"].equals(workbench.candles(BTC, 60, vwap=True, to="polars")["vwap"])
        with pytest.raises(UsageError, match="feather has no column for vwap"):
            workbench.export(tmp_path, workbench.select(pairs=[BTC]), kind="feather", vwap=True)
    line = refused(kraken(*words, tmp_path / "csv", "--vwap", "--format", "csv", code=2))
    assert "csv has no column for vwap: export it in parquet" in line
    assert not (tmp_path / "csv").exists()


def test_a_copy_has_it_too(read_home: Path, tmp_path: Path) -> None:
    with Workbench.open(read_home) as workbench:
        workbench.copy(str(tmp_path / "there"))
        ranges = {
            Series(pair, interval): TimeRanges.single(START, START + DAYS * DAY_S)
            for pair in (BTC, ADA)
            for interval in INTERVALS
        }
        copied = DeltaStore(tmp_path / "there").candles(ranges, FULL_SCHEMA)
        assert copied["vwap"].is_not_null().any()
        assert copied.equals(workbench.store.candles(ranges, FULL_SCHEMA))
