"""Every candle store gives the same hashes for the same candles, however they came into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core.domain.certificates.candle_hashes import month_hashes
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.ports import CandleStore, Filed, never_stop, no_progress
from kraken_core.stores.delta import compaction
from kraken_core.workbench.certificates.hashing import Hashing
from kraken_core.workbench.certificates.month_cache import MonthCache
from tests.contract.stored_candles import ON_S3, Adapter
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import BTC, BTC_MINUTES, ETH

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]

HOURS = range(700, 800)  # over the end of January 1970
SPAN = TimeRange(0, 90 * 86_400)
ROWS = [
    *(Row(BTC, slot, slot + 0.5) for slot in HOURS),
    *(Row(ETH, slot, slot + 0.25) for slot in HOURS),
    *(Row(BTC_MINUTES, slot * 60, 2.0) for slot in HOURS),
]
# Outranked by the rows above, wherever they come, or derived and of other sources.
OTHERS = [Row(BTC, 720, 9.0, rank=0, source="ohlc"), Row(BTC, 750, 750.5, rank=0, source="derived")]
EXPECTED = {
    series: tuple(month_hashes(frame(row for row in ROWS if row.series == series), series.interval)[series])
    for series in (BTC, BTC_MINUTES, ETH)
}


@pytest.fixture
def store(adapter: Adapter, tmp_path: Path) -> CandleStore:
    return adapter(tmp_path / "candles")


def put(store: CandleStore, rows: list[Row]) -> None:
    """In one commit, a file an interval."""
    intervals = sorted({row.series.interval for row in rows})
    store.commit([store.stage(frame(r for r in rows if r.series.interval == i)) for i in intervals])


def hashed(store: CandleStore, folder: Path) -> dict[Series, object]:
    hashing = Hashing(store, MonthCache.load(folder / "certificates" / "months.parquet"), no_progress)
    return dict(hashing.months(sorted(EXPECTED), SPAN))


@pytest.mark.parametrize("order", ["together", "rising", "falling"])
def test_hashes_are_those_of_the_candles_in_whatever_order_they_came(
    store: CandleStore, tmp_path: Path, order: str
) -> None:
    parts = [ROWS[start::4] for start in range(4)]
    batches = {"together": [ROWS, OTHERS], "rising": [OTHERS, *parts], "falling": [*reversed(parts), OTHERS]}[order]
    for batch in batches:
        put(store, batch)
    assert hashed(store, tmp_path) == EXPECTED


def test_merging_files_changes_no_hash(store: CandleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "FEWEST", 3)
    for start in range(6):
        put(store, ROWS[start::6])
    before = hashed(store, tmp_path)
    merged = store.compact(never_stop)  # type: ignore[attr-defined]  # every adapter is a CandleTable
    assert merged.files or not isinstance(store, Filed)
    assert hashed(store, tmp_path) == before == EXPECTED


@pytest.mark.parametrize("adapter", ["delta", ON_S3], indirect=True, scope="session")
def test_files_are_named_by_the_series_in_them(store: CandleStore) -> None:
    assert isinstance(store, Filed)
    put(store, ROWS)
    put(store, [Row(BTC, 2000)])
    found = store.files_of([BTC, ETH])
    assert sorted((span.first, span.candles) for span in found[BTC].values()) == [
        (HOURS[0] * 3600, len(HOURS)),
        (2000 * 3600, 1),
    ]
    assert set(found[ETH]) < set(found[BTC])
