"""Silences as data: every span that is covered and without trades, and what explains it (domain rule 12)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl

from kraken_core import Workbench
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import series_of
from kraken_core.workbench.queries.silences import SilenceKind, _Judgement
from tests.acceptance.lying_archives import ADA, ASLEEP, BTC, ETH, XRP, minutes
from tests.support.command_line import Kraken, refused
from tests.support.helping import ingest, written

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

SLEEP = [pd.Timestamp(at, unit="s", tz="UTC") for at in ASLEEP]


def asleep(found: pd.DataFrame) -> pd.DataFrame:
    """The silences that reach into the time in which the exchange stood still."""
    return found[(found["start"] < SLEEP[1]) & (SLEEP[0] < found["end"])]


def test_silent_slots_are_those_of_the_report(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        by_series = workbench.silences().groupby(["pair", "interval"])["slots"].sum()
        report = workbench.completeness().set_index(["pair", "interval"])["silent"]
    assert by_series.sum() > 1_000
    assert by_series.to_dict() == report[report > 0].to_dict()


def test_a_silence_has_no_candle_and_its_neighbours_have(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        found = workbench.silences(pairs=["PEPE/USD"], intervals=[60])
        hours = workbench.candles("PEPE/USD", 60).index
        covered = workbench.coverage(pairs=["PEPE/USD"], intervals=[60])
    assert len(found) > 5
    edges = {*covered["start"], *covered["end"]}
    for row in found.to_dict("records"):
        start, end = row["start"], row["end"]
        assert row["kind"] == "no trades"
        assert row["slots"] == (end - start) / pd.Timedelta(hours=1)
        assert not ((hours >= start) & (hours < end)).any()
        assert start in edges or start - pd.Timedelta(hours=1) in hours
        assert end in edges or end in hours


def test_sql_has_them_as_a_view(full_home: Path, tmp_path: Path) -> None:
    query = "select pair, interval_minutes, count(*) as n, sum(slots)::bigint from {} group by all order by all"
    with Workbench.open(full_home) as workbench:
        found = workbench.silences()
        by_sql = workbench.sql(query.format("Silences"))
        joined = workbench.sql(
            "select count(*) as n from gaps join SILENCES s using (pair) where s.kind = 'suspicious'"
        )
        types = workbench.sql("describe silences").set_index("column_name")["column_type"].to_dict()
    expected = found.groupby(["pair", "interval"])["slots"].agg(["count", "sum"]).reset_index()
    assert by_sql.to_numpy().tolist() == expected.to_numpy().tolist()
    assert joined["n"].tolist() == [0]
    assert types["start_time"] == "TIMESTAMP WITH TIME ZONE"
    with Workbench.open(tmp_path / "nowhere") as workbench:
        assert workbench.sql(query.format("silences")).empty


def test_short_ones_and_other_days_can_be_left_out(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        every = workbench.silences(pairs=["PEPE/USD"], intervals=[1])
        long = workbench.silences(at_least=30, pairs=["PEPE/USD"], intervals=[1])
        day = workbench.silences(pairs=["PEPE/USD"], intervals=[1], start_date="2024-03-28", end_date="2024-03-28")
    assert long.equals(every[every["slots"] >= 30].reset_index(drop=True))
    assert 0 < len(long) < len(every)
    bounds = [pd.Timestamp(text, tz="UTC") for text in ("2024-03-28", "2024-03-29")]
    reaching = every[(every["start"] < bounds[1]) & (bounds[0] < every["end"])]
    assert day.equals(reaching.reset_index(drop=True))
    assert 0 < len(day) < len(every)


def test_lost_hours_of_the_only_pair_are_suspicious(market: SimulatedMarket, tmp_path: Path) -> None:
    others = [each for pair in (ETH, XRP, ADA) for each in series_of(pair)]
    ingest(tmp_path / "home", market, *written(market, [minutes("one", *others)], tmp_path))
    with Workbench.open(tmp_path / "home") as workbench:
        found = workbench.silences(pairs=[BTC], intervals=[1])
        doubtful = workbench.completeness(pairs=[BTC], intervals=[1])["doubtful"].sum()
    [silence] = asleep(found[found["slots"] > 30]).to_dict("records")
    assert silence["kind"] == SilenceKind.SUSPICIOUS
    assert silence["expected_trades"] >= 20
    assert found.loc[found["kind"] == "suspicious", "slots"].sum() == doubtful > 0


def test_a_silence_of_all_pairs_is_explained(market: SimulatedMarket, tmp_path: Path) -> None:
    ingest(tmp_path / "home", market, *written(market, [minutes("all")], tmp_path))
    with Workbench.open(tmp_path / "home") as workbench:
        found = asleep(workbench.silences(pairs=[BTC, ETH], intervals=[1, 60]))
    long = found[found["expected_trades"] >= 20]
    assert set(long["kind"]) == {"explained"}
    assert set(zip(long["pair"], long["interval"], strict=True)) >= {("BTC/USD", 1), ("BTC/USD", 60), ("ETH/USD", 1)}


def test_likely_trades_that_nothing_explains_are_suspicious_whether_judged_or_not() -> None:
    hour, day = 3_600, 86_400
    nothing, span = TimeRanges(), TimeRanges.single(day, day + hour)
    for doubtful, confirmed, sleep, expected, kind in (
        (nothing, nothing, nothing, 19.9, "no trades"),
        (nothing, nothing, nothing, 20.0, "suspicious"),
        (span, span, span, 0.0, "suspicious"),
        (nothing, span, nothing, 20.0, "explained"),
        (nothing, TimeRanges.single(day, day + hour - 60), nothing, 20.0, "suspicious"),
        (nothing, nothing, span, 20.0, "explained"),
    ):
        assert _Judgement(doubtful, confirmed, sleep).kind(day, day + hour, expected) == kind
    outage = next(iter(KNOWN_SILENCES))
    unjudged = _Judgement(nothing, nothing, nothing)
    assert unjudged.kind(outage.start - 60, outage.end + 60, 1.0) == "explained"
    assert unjudged.kind(outage.start - day, outage.end + day, 1.0) == "no trades"


def test_a_home_without_anything_has_no_silences(tmp_path: Path) -> None:
    with Workbench.open(tmp_path / "home") as workbench:
        assert workbench.silences().empty


def test_the_command_prints_what_the_frame_has_and_writes_it(full_home: Path, tmp_path: Path, kraken: Kraken) -> None:
    file = tmp_path / "silences.csv"
    words = ("--home", full_home, "--pairs", "PEPE/USD", "--intervals", "1", "--at-least", "2")
    printed = kraken("silences", *words, "--json").json
    kraken("silences", *words, "--csv", file)
    with Workbench.open(full_home) as wb:
        frame = wb.silences(pairs=["PEPE/USD"], intervals=[1], at_least=2)
    assert [row["slots"] for row in printed] == list(frame["slots"])
    assert list(pl.read_csv(file)["start"]) == [row["start"] for row in printed]
    shown = kraken("silences", *words).out
    assert "PEPE/USD" in shown
    assert "expected_trades" in shown


def test_a_file_that_cannot_be_written_is_wrong_use(full_home: Path, tmp_path: Path, kraken: Kraken) -> None:
    nowhere = tmp_path / "none" / "silences.csv"
    words = ("--home", full_home, "--pairs", "PEPE/USD", "--intervals", "1", "--csv", nowhere)
    assert str(nowhere) in refused(kraken("silences", *words, code=2))
