"""What every candle store says of candles that differ from those it has, in whatever order they come."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kraken_core.domain.candles import Source, answered, rank_of
from kraken_core.domain.differences import FOUND
from kraken_core.ports import CandleStore, Merged
from tests.contract.stored_candles import READING, Adapter
from tests.support.candle_frames import Row, frame, rows_of
from tests.support.candle_tables import ALL, BTC, put

pytest_plugins = ["tests.support.servers", "tests.contract.candle_stores"]
pytestmark = pytest.mark.parametrize("adapter", ["delta", READING], indirect=True, scope="session")
DAY_S = 86_400


@pytest.fixture
def store(adapter: Adapter, tmp_path: Path) -> CandleStore:
    return adapter(tmp_path / "candles")


def commit(store: CandleStore, candles: pl.DataFrame) -> tuple[Merged, pl.DataFrame]:
    """What became of the candles, and what was noted of them."""
    noted = [pl.DataFrame(schema=FOUND)]
    merged = store.commit([store.stage(candles)], note=noted.append)
    return merged[BTC], pl.concat(noted)


def answer(value: float, day: int) -> pl.DataFrame:
    return frame([Row(BTC, 1, value, rank_of(Source.OHLC), "ohlc")]).with_columns(rank=answered(day * DAY_S))


@pytest.mark.parametrize("ranks", [(5, 6), (6, 5)], ids=["it replaces", "it loses"])
def test_two_candles_that_differ_are_noted_with_their_ranks_and_how_much(
    store: CandleStore, ranks: tuple[int, int]
) -> None:
    before, new = ranks
    commit(store, frame([Row(BTC, 1, 4.0, before), Row(BTC, 2, 4.0, before), Row(BTC, 3, 4.0, before)]))
    _, noted = commit(store, frame([Row(BTC, 1, 4.0, new), Row(BTC, 2, 5.0, new), Row(BTC, 4, 5.0, new)]))

    assert noted.schema == pl.Schema(FOUND)
    assert noted.drop("time").rows() == [("BTC/USD", 60, new, before, new > before, 0.2, 0.2, 0.2)]
    assert noted["time"].dt.epoch("s").to_list() == [2 * BTC.width]


def test_nothing_is_noted_where_nothing_differs(store: CandleStore) -> None:
    rows = frame([Row(BTC, slot) for slot in range(5)])
    commit(store, rows)
    assert commit(store, rows.with_columns(rank=pl.lit(9, pl.Int64)))[1].is_empty()


def test_what_is_noted_is_noted_before_anything_is_changed(adapter: Adapter, tmp_path: Path) -> None:
    store, reader = adapter(tmp_path / "candles"), adapter(tmp_path / "candles")
    put(store, Row(BTC, 1, 1.0, 1))
    seen = []
    store.commit([store.stage(frame([Row(BTC, 1, 2.0, 2)]))], note=lambda _: seen.append(rows_of(reader.candles(ALL))))
    assert seen == [[Row(BTC, 1, 1.0, 1)]]
    assert rows_of(store.candles(ALL)) == [Row(BTC, 1, 2.0, 2)]


@pytest.mark.parametrize("off", [0.9e-8, -0.9e-8])
def test_a_volume_that_is_off_by_less_than_adding_up_costs_confirms_and_is_of_the_higher_rank(
    store: CandleStore, off: float
) -> None:
    noisy = frame([Row(BTC, 1, 1.0, 2)]).with_columns(volume=pl.lit(1.0 + off))
    commit(store, frame([Row(BTC, 1, 1.0, 1)]))
    merged, noted = commit(store, noisy)

    assert (merged, noted.height) == (Merged(confirmed=1, altered=1), 0)
    assert store.candles(ALL)["volume"].to_list() == [1.0 + off]
    assert commit(store, frame([Row(BTC, 1, 1.0, 1)]))[0] == Merged(confirmed=1)


@pytest.mark.parametrize("days", [(50, 51), (51, 50)], ids=["in order", "the wrong way round"])
def test_of_two_answers_of_the_api_the_later_one_wins(store: CandleStore, days: tuple[int, int]) -> None:
    values = {50: 1.0, 51: 2.0}
    _, (merged, noted) = (commit(store, answer(values[day], day)) for day in days)
    assert store.candles(ALL)["close"].to_list() == [2.0]
    assert merged == (Merged(changed=1, altered=1) if days[1] == 51 else Merged(outranked=1))
    assert noted["wins"].to_list() == [days[1] == 51]


def test_of_two_answers_within_an_hour_the_one_that_comes_later_wins(store: CandleStore) -> None:
    commit(store, answer(1.0, 50))
    assert commit(store, answer(2.0, 50))[0] == Merged(changed=1, altered=1)
    assert store.candles(ALL)["close"].to_list() == [2.0]


def test_an_answer_that_repeats_what_is_stored_writes_nothing(store: CandleStore) -> None:
    commit(store, answer(1.0, 50))
    before = store.version
    assert commit(store, answer(1.0, 51))[0] == Merged(confirmed=1)
    assert store.version == before


def test_an_answer_takes_the_slot_of_what_a_table_had_before_answers_had_hours(store: CandleStore) -> None:
    put(store, Row(BTC, 1, 1.0, rank_of(Source.OHLC), "ohlc"))
    assert commit(store, answer(2.0, 50))[0] == Merged(changed=1, altered=1)


def test_a_derived_candle_that_replaces_another_value_is_noted_as_any_other(store: CandleStore) -> None:
    observed, derived = rank_of(Source.CSV, content_hash="abcdef0"), rank_of(Source.TRADES) & ~((1 << 28) - 1)
    commit(store, frame([Row(BTC, 1, 200.0, observed)]))
    merged, noted = commit(store, frame([Row(BTC, 1, 80.0, derived, "derived")]))

    assert merged == Merged(changed=1, altered=1)
    assert noted.select("rank", "rank_stored", "trades").rows() == [(derived, observed, 0.6)]
