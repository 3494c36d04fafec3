"""Candles of any interval, of any kind of frame, of any version of the table."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.interval_text import parse_length
from tests.support.command_line import Kraken
from tests.support.little_market import BTC_USD, FIRST_DAY, PRESENT, UNI_USD, LittleMarket

VALUES = ["open", "high", "low", "close", "volume", "trades"]
LENGTHS = ["45m", "2h", "6h", "2d", "3d", "1w", 7]


def covered_minutes(wb: Workbench, pair: str) -> set[int]:
    known = wb.ledger.coverage()
    return {at for c in known if str(c.series) == f"{pair} 1m" for at in range(c.start, c.end, 60)}


def by_hand(little: LittleMarket, pair: object, minutes: int) -> dict[int, tuple[float, ...]]:
    """What traded in each slot, added up one minute after the other."""
    slots: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for row in little.market.truth(pair, 1).sort("time").iter_rows(named=True):  # type: ignore[arg-type]
        at = int(row["time"].timestamp())
        slots[at - at % (minutes * 60)].append(tuple(row[name] for name in VALUES))
    return {
        at: (
            rows[0][0],
            max(row[1] for row in rows),
            min(row[2] for row in rows),
            rows[-1][3],
            sum(row[4] for row in rows),
            sum(row[5] for row in rows),
        )
        for at, rows in slots.items()
    }


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pair", [BTC_USD, UNI_USD], ids=str)
def test_resampled_candles_are_what_was_traded_in_slots_that_are_known_whole(
    full_home: Path, little: LittleMarket, pair: object, length: int | str
) -> None:
    minutes = parse_length(length)
    width = minutes * 60
    truth = by_hand(little, pair, minutes)
    with Workbench.open(full_home) as wb:
        known = covered_minutes(wb, str(pair))
        [life] = wb.sql(f"select listed_at, listing_assumed from pairs where pair = '{pair}'", to="polars").rows(
            named=True
        )
        found = wb.candles(str(pair), length, to="polars")
    listed = life["listed_at"].timestamp()
    whole = {at for at in truth if all(m in known or m + 60 <= listed for m in range(at, at + width, 60))}
    if life["listing_assumed"]:  # the pair may have traded before the archives begin, with the market
        whole = {at for at in whole if at >= little.market.start}
    assert {int(t.timestamp()) for t in found["time"]} == whole
    for row in found.iter_rows(named=True):
        expected = truth[int(row["time"].timestamp())]
        assert tuple(row[name] for name in VALUES if name != "volume") == (*expected[:4], expected[5])
        assert row["volume"] == pytest.approx(expected[4], rel=0, abs=1e-8 * minutes)
    assert set(found["source"]) <= {"derived"}


def test_slots_that_are_not_whole_are_there_only_if_asked_for_and_flagged(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        whole = wb.candles("BTC/USD", "2d", to="polars")
        every = wb.candles("BTC/USD", "2d", partial=True, to="polars")
        filled = wb.candles("UNI/USD", "2h", fill="previous", partial=True, to="polars")
    assert_frame_equal(every.filter(~pl.col("partial")).drop("partial"), whole)
    parts = every.filter("partial")
    assert parts.height > 0
    assert not set(parts["time"]) & set(whole["time"])
    assert filled["filled"].null_count() == filled["partial"].null_count() == 0
    assert not filled.filter(pl.col("filled") & pl.col("partial")).height


def test_weeks_begin_on_thursdays_as_krakens_do(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        weeks = wb.candles("BTC/USD", "1w", partial=True)
    assert {at.day_name() for at in weeks.index} == {"Thursday"}


def test_a_slot_belongs_to_the_window_it_opens_in_and_is_whole_all_the_same(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        every = wb.candles("BTC/USD", "6h")
        some = wb.candles("BTC/USD", "6h", "2024-03-28T01:00:00Z", "2024-03-28T13:00:00Z")
    assert [f"{at:%H}" for at in some.index] == ["06", "12"]
    pd.testing.assert_frame_equal(every.loc[some.index], some, check_freq=False)


def test_polars_and_arrow_hold_what_pandas_holds(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        in_pandas = wb.candles("UNI/USD", 60, fill="previous")
        in_polars = wb.candles("UNI/USD", 60, fill="previous", to="polars")
        in_arrow = wb.candles("UNI/USD", 60, fill="previous", to="arrow")
    assert isinstance(in_arrow, pa.Table)
    assert in_arrow.schema.field("time").type == pa.timestamp("us", "UTC")
    assert_frame_equal(pl.DataFrame(in_arrow), in_polars)
    assert in_polars.columns == ["time", *in_pandas.columns]
    assert in_polars["close"].to_list() == in_pandas["close"].to_list()
    assert in_polars["filled"].to_list() == in_pandas["filled"].to_list()


def test_a_pinned_version_reads_the_same_whatever_comes_after_it(one_release: Kraken, little: LittleMarket) -> None:
    with Workbench.open(one_release.home) as wb:
        pinned = wb.version
        before = wb.candles("BTC/EUR", 60)
        resampled = wb.candles("BTC/EUR", "2h", version=pinned)  # the newest one: all that is known is of it
    one_release.ingest(little.folder)
    with Workbench.open(one_release.home) as wb:
        assert wb.version > pinned
        pd.testing.assert_frame_equal(wb.candles("BTC/EUR", 60, version=pinned), before)
        assert len(wb.candles("BTC/EUR", 60)) > len(before)
        assert len(wb.candles("BTC/EUR", "2h")) > len(resampled) > 0
        assert len(wb.candles("BTC/EUR", 60, version=0)) == 0
        for unknowable in ({"fill": "previous"}, {"interval": "2h"}):
            with pytest.raises(UsageError, match="is not kept"):
                wb.candles(**{"pair": "BTC/EUR", "interval": 60, "version": pinned, **unknowable})  # type: ignore[call-overload]
        with pytest.raises(UsageError, match="has no version"):
            wb.candles("BTC/EUR", 60, version=wb.version + 1)


def test_a_version_whose_files_are_gone_says_so(one_release: Kraken, little: LittleMarket) -> None:
    with Workbench.open(one_release.home) as wb:
        pinned = wb.version
    one_release.ingest(little.folder)
    with Workbench.open(one_release.home) as wb:
        assert wb.version > pinned
        for path in wb.settings.store_path.rglob("*.parquet"):
            path.unlink()
        with pytest.raises(StoreError, match="cannot be read any more"):
            wb.candles("BTC/EUR", 60, version=pinned)


@pytest.mark.parametrize("wrong", [{"to": "numpy"}, {"partial": True}, {"interval": "2 hours"}])
def test_what_cannot_be_read_is_refused(full_home: Path, wrong: dict[str, object]) -> None:
    with Workbench.open(full_home) as wb, pytest.raises(UsageError):
        wb.candles(**{"pair": "BTC/USD", "interval": 60, "start": FIRST_DAY, "end": PRESENT, **wrong})  # type: ignore[call-overload]


def test_reading_makes_no_home(kraken: Kraken) -> None:
    with Workbench.open() as wb:
        assert wb.candles("BTC/USD", "2h", version=0, to="polars").height == wb.version == 0
    assert not Path(kraken.home).exists()
