"""Silences as data: every span that is covered and without trades, and what explains it (domain rule 12)."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from alembic import command

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.silences import KNOWN_SILENCES
from kraken_core.ledger.engine import open_engine, writing
from kraken_core.ledger.schema import alembic_config
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import series_of
from kraken_core.workbench.queries.silences import SilenceKind, _Judgement
from tests.acceptance.known_histories import SetClock, opened
from tests.acceptance.lying_archives import ADA, ASLEEP, BTC, ETH, XRP, minutes
from tests.support.command_line import Kraken, refused
from tests.support.helping import ingest, written
from tests.support.strategies import FIRST_DAY

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


def test_a_silence_of_all_pairs_is_explained(whole: Path) -> None:
    with Workbench.open(whole) as workbench:
        found = asleep(workbench.silences(pairs=[BTC, ETH], intervals=[1, 60]))
    long = found[found["expected_trades"] >= 20]
    assert set(long["kind"]) == {"explained"}
    assert set(zip(long["pair"], long["interval"], strict=True)) >= {("BTC/USD", 1), ("BTC/USD", 60), ("ETH/USD", 1)}


@pytest.fixture(scope="module")
def whole(market: SimulatedMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that ingested all pairs of the market, by a clock of then. Read only."""
    here = tmp_path_factory.mktemp("asleep")
    asked = {"tier": "ALL", "start_date": FIRST_DAY, "api_backfill": False, "as_of": market.end}
    with opened(here / "home", SetClock(market.end)) as workbench:
        workbench.run(workbench.plan(sources=written(market, [minutes("all")], here), **asked))
    return here / "home"


@pytest.fixture
def asleep_home(whole: Path, market: SimulatedMarket, tmp_path: Path) -> tuple[Path, SetClock]:
    return shutil.copytree(whole, tmp_path / "home"), SetClock(market.end)


def test_what_explained_a_silence_is_known_after_its_job_is_undone(asleep_home: tuple[Path, SetClock]) -> None:
    home, clock = asleep_home
    with opened(home, clock) as workbench:
        before, known_at = workbench.silences(), clock.at
        clock.at += 3_600
        workbench.undo(1)
        assert workbench.silences().empty
        assert workbench.silences(as_known_at=known_at).equals(before)
    assert "explained" in set(asleep(before)["kind"])


def test_what_an_earlier_version_kept_no_history_of_is_refused(asleep_home: tuple[Path, SetClock]) -> None:
    home, clock = asleep_home
    engine = open_engine(f"sqlite:///{home / 'ledger.db'}")
    with writing(engine) as connection:
        command.downgrade(alembic_config(connection), "0021")
    engine.dispose()
    known_at, clock.at = clock.at, int(time.time()) + 3_600
    with opened(home, clock) as workbench:
        assert len(workbench.coverage(as_known_at=known_at)) > 0
        with pytest.raises(UsageError, match=r"what explained silences is kept from 20\S+ on"):
            workbench.silences(as_known_at=known_at)
        assert workbench.silences(as_known_at=clock.at).equals(workbench.silences())


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
    assert kraken("silences", *words, "--as-known-at", "2020-01-01", "--json").json == []
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
