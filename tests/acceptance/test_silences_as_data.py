"""Silences as data: each span that is covered and has no candle, once, with what explains it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES
from kraken_core.workbench.queries.silences import SilenceKind, SilenceQuery
from tests.support.command_line import Kraken, refused
from tests.support.little_market import BTC_USD, PEPE_USD


@pytest.mark.parametrize("interval", INTERVALS)
def test_silences_are_what_is_covered_and_has_no_candle(full_home: Path, interval: int) -> None:
    series = Series(PEPE_USD, interval)
    with Workbench.open(full_home) as wb:
        chosen = wb.select(pairs=[series.pair], intervals=[interval])
        found = list(SilenceQuery(wb.store, wb.holdings).of(chosen))
        known = TimeRanges.of((each.start, each.end) for each in wb.holdings.coverage(chosen))
        opens = wb.store.candles({series: known})["time"].dt.epoch("s")
        counts = wb.holdings.report(chosen).overall
    traded = TimeRanges.of((at, at + series.width) for at in opens)
    assert TimeRanges.of((each.start, each.end) for each in found) == known - traded
    assert sum(each.slots for each in found) == counts.silent


def test_the_frame_has_a_row_for_each_silence_of_the_selection_and_of_no_other(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        every = wb.silences(pairs=["PEPE/USD"], intervals=[1])
        long = wb.silences(pairs=["PEPE/USD"], intervals=[1], at_least=5)
        day = wb.silences(pairs=["PEPE/USD"], intervals=[1], start_date="2024-03-30", end_date="2024-03-30")
    assert list(every.columns) == ["pair", "interval", "start", "end", "candles", "kind", "expected_trades"]
    assert len(long) == (every["candles"] >= 5).sum()
    assert 0 < len(day) < len(every)
    assert (day["end"] > "2024-03-30T00:00Z").all()
    assert (day["start"] < "2024-03-31T00:00Z").all()


def test_a_doubtful_silence_is_suspicious_and_one_of_the_exchange_is_that(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        found = list(SilenceQuery(wb.store, wb.holdings).of(wb.select()))
        doubtful = wb.holdings.report(wb.select()).overall.doubtful
    suspicious = [each for each in found if each.kind is SilenceKind.SUSPICIOUS]
    assert bool(suspicious) == bool(doubtful)
    for each in found:
        if each.kind is SilenceKind.EXCHANGE:
            assert KNOWN_SILENCES.meets(each.start, each.end)


def test_a_series_without_a_silence_has_no_row(full_home: Path) -> None:
    with Workbench.open(full_home) as wb:
        assert wb.silences(pairs=[BTC_USD], intervals=[1440]).empty
        assert wb.silences(pairs=["XRP/USD"]).empty


def test_the_command_prints_what_the_frame_has_and_writes_it(full_home: Path, tmp_path: Path, kraken: Kraken) -> None:
    file = tmp_path / "silences.csv"
    words = ("--home", full_home, "--pairs", "PEPE/USD", "--intervals", "1", "--at-least", "2")
    printed = kraken("silences", *words, "--json").json
    kraken("silences", *words, "--csv", file)
    with Workbench.open(full_home) as wb:
        frame = wb.silences(pairs=["PEPE/USD"], intervals=[1], at_least=2)
    assert [row["candles"] for row in printed] == list(frame["candles"])
    assert list(pl.read_csv(file)["start"]) == [row["start"] for row in printed]
    shown = kraken("silences", *words).out
    assert "PEPE/USD" in shown
    assert "expected_trades" in shown


def test_a_file_that_cannot_be_written_is_wrong_use(full_home: Path, tmp_path: Path, kraken: Kraken) -> None:
    nowhere = tmp_path / "none" / "silences.csv"
    words = ("--home", full_home, "--pairs", "PEPE/USD", "--intervals", "1", "--csv", nowhere)
    assert str(nowhere) in refused(kraken("silences", *words, code=2))
