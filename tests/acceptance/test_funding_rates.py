"""Funding rates as a user meets them: requested, stored, and never taken for whole where they are not."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.funding import HOUR_S, FundingRate
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange.futures import FundingFaults, SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import retries
from tests.support.command_line import NOBODY, Kraken, process
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD

START, END = day_start(date(2024, 4, 1)), day_start(date(2024, 4, 3))
MARKET = SimulatedMarket.make(
    11,
    [
        Listing(PF_XBTUSD, 0.001, 70_000, 1, 0.05, charted=True),
        Listing(PI_ETHUSD, 0.001, 3_500, 2, 40, charted=True),
    ],
    START,
    END,
)
PF, PI = str(PF_XBTUSD), str(PI_ETHUSD)
HOURS = range(START, END, HOUR_S)


@pytest.fixture
def futures(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedFutures]:
    with SimulatedFutures(MARKET) as served:
        monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={served.url}")
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
        yield served


def true_rates(futures: SimulatedFutures, pair: str = PF) -> list[FundingRate]:
    path = "derivatives/api/v4/historicalfundingrates"
    rows = futures.api.answer(path, {"symbol": pair.partition(":")[2]}, END * 1_000_000_000)["rates"]
    return [
        FundingRate(
            int(datetime.fromisoformat(row["timestamp"]).timestamp()), row["fundingRate"], row["relativeFundingRate"]
        )
        for row in rows
    ]


def stored(home: Path, pair: str = PF) -> list[FundingRate]:
    with Workbench.open(home) as bench:
        [found] = bench.select(pairs=[pair]).pairs
        return bench.ledger.funding_rates(found)


def update(kraken: Kraken, *pairs: str, code: int = 0) -> Any:
    named = ("--pairs", ",".join(pairs)) if pairs else ()
    return kraken("funding-rates", *named, "--update", "--json", code=code).json


def test_all_that_the_exchange_answers_is_stored_once(kraken: Kraken, futures: SimulatedFutures) -> None:
    [first] = update(kraken, PF)
    assert (first["rates"], first["new"], first["changed"], first["missing"]) == (48, 48, 0, 0)
    assert (first["start"], first["end"]) == ("2024-04-01T00:00:00Z", "2024-04-03T00:00:00Z")
    assert stored(kraken.home) == true_rates(futures)
    [again] = update(kraken)  # of all that are stored
    assert (again["rates"], again["new"], again["changed"]) == (48, 0, 0)


def test_an_hour_without_a_rate_is_missing_until_it_is_answered(kraken: Kraken, futures: SimulatedFutures) -> None:
    futures.api.funding_faults = FundingFaults(absent=frozenset({HOURS[3], HOURS[4], HOURS[40]}))
    [row] = update(kraken, PF)
    assert (row["rates"], row["missing"]) == (45, 3)
    assert row["gaps"] == [
        {"start": "2024-04-01T03:00:00Z", "end": "2024-04-01T05:00:00Z"},
        {"start": "2024-04-02T16:00:00Z", "end": "2024-04-02T17:00:00Z"},
    ]
    said = kraken("funding-rates")
    assert f"{PF} has no rate of 2024-04-01T03:00:00Z to 2024-04-01T05:00:00Z, 2024-04-02T16:00:00Z to" in said.err
    futures.api.funding_faults = FundingFaults()
    [row] = update(kraken, PF)
    assert (row["new"], row["missing"]) == (3, 0)


def test_rates_that_cannot_be_read_are_named_and_cost_only_their_hours(
    kraken: Kraken, futures: SimulatedFutures
) -> None:
    futures.api.funding_faults = FundingFaults(garbled=frozenset({HOURS[3]}), contradicted=frozenset({HOURS[40]}))
    [row] = update(kraken, PF)
    assert (row["rates"], row["missing"], row["problem"]) == (46, 2, None)
    assert len(row["skipped"]) == 2
    said = kraken("funding-rates", "--update").err
    assert f"! {PF}: skipped 2 rates: " in said
    assert "'relativeFundingRate': 'pending'" in said
    assert "different rates of 2024-04-02T16:00:00Z" in said
    futures.api.funding_faults = FundingFaults()
    [row] = update(kraken, PF)
    assert (row["new"], row["missing"], row["skipped"]) == (2, 0, [])
    assert stored(kraken.home) == true_rates(futures)


def test_a_perpetual_of_which_nothing_is_answered_exits_1(kraken: Kraken, futures: SimulatedFutures) -> None:
    update(kraken, PF)
    futures.api.funding_faults = FundingFaults(absent=frozenset(HOURS))
    stayed, nothing = update(kraken, PF, PI, code=1)
    assert (stayed["rates"], nothing["rates"]) == (48, 0)
    assert stayed["problem"] == f"{PF}: no funding rates were answered."
    assert nothing["problem"] == f"{PI}: no funding rates were answered."


def test_a_named_perpetual_of_which_nothing_is_stored_is_bad_input(kraken: Kraken, futures: SimulatedFutures) -> None:
    update(kraken, PF)
    said = kraken("funding-rates", "--pairs", f"{PI},{PF}", "--json", code=2)
    assert [row["pair"] for row in said.json] == [PF]
    assert f"no funding rates of {PI} are stored: request them with --update" in said.err
    said = kraken("funding-rates", "--pairs", PI, "--json", code=2)
    assert (said.out, "request them with --update" in said.err) == ("", True)


def test_what_the_exchange_corrects_is_counted_and_what_it_drops_is_kept(
    kraken: Kraken, futures: SimulatedFutures
) -> None:
    futures.api.funding_faults = FundingFaults(preliminary=frozenset(HOURS[-2:]))
    update(kraken, PF)
    futures.api.funding_faults = FundingFaults(absent=frozenset(HOURS[:5]))
    [row] = update(kraken, PF)
    assert (row["new"], row["changed"], row["rates"]) == (0, 2, 48)
    futures.api.funding_faults = FundingFaults()
    assert stored(kraken.home) == true_rates(futures)


@pytest.mark.parametrize("at", ["ledger.commit.before:1", "ledger.commit.after:1"])
def test_an_update_that_is_killed_loses_nothing_and_is_run_again(
    kraken: Kraken, futures: SimulatedFutures, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    update(kraken, PF)
    futures.api.funding_faults = FundingFaults(absent=frozenset(HOURS[:5]), preliminary=frozenset(HOURS[-2:]))
    before = stored(kraken.home)
    words = ("funding-rates", "--pairs", f"{PF},{PI}", "--update")
    process(*words, code=-signal.SIGKILL, env={"KRAKEN_FAILPOINT": at})
    assert len(stored(kraken.home)) == len(before)
    futures.api.funding_faults = FundingFaults()
    update(kraken, PF, PI)
    assert stored(kraken.home) == true_rates(futures)
    assert stored(kraken.home, PI) == true_rates(futures, PI)


def test_they_are_read_in_python_and_sql_and_come_with_a_backup(
    kraken: Kraken, futures: SimulatedFutures, tmp_path: Path
) -> None:
    update(kraken, PF, PI)
    with Workbench.open(kraken.home) as bench:
        day = bench.funding_rates(PF, "2024-04-02", "2024-04-03")
        assert (len(day), list(day.columns)) == (24, ["absolute", "relative"])
        assert day.index[0] == datetime(2024, 4, 2, tzinfo=UTC)
        assert [row["pair"] for row in bench.funding_coverage()] == [PF, PI]
        assert bench.funding_coverage([PI])[0]["rates"] == 48
        found = bench.sql("select pair, count(*) n from funding_rates group by 1 order by 1", to="polars")
        assert found.rows() == [(PF, 48), (PI, 48)]
        assert bench.sql("select time from funding_rates", to="polars").schema["time"] == pl.Datetime("us", "UTC")
    kraken("backup", tmp_path / "saved")
    kraken("restore", tmp_path / "saved", "--home", tmp_path / "back")
    assert stored(tmp_path / "back") == true_rates(futures)


def test_what_pays_no_funding_is_refused_and_makes_nothing(kraken: Kraken, futures: SimulatedFutures) -> None:
    for name in ("BTC/USD", "kraken-futures:FF_XBTUSD_240628"):
        said = kraken("funding-rates", "--pairs", name, "--update", code=2)
        assert f"{name} has no funding rates: name a perpetual" in said.err
    assert "no perpetual is stored: name those to request" in kraken("funding-rates", "--update", code=2).err
    assert "No funding rates are stored" in kraken("funding-rates").out
    assert not kraken.home.exists()
    with Workbench.open(kraken.home) as bench, pytest.raises(UsageError, match="has no funding rates"):
        bench.update_funding_rates(["BTC/USD"])


def test_a_contract_that_is_not_listed_and_an_exchange_that_is_away_exit_1(
    kraken: Kraken, futures: SimulatedFutures, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, brought = update(kraken, PF, "kraken-futures:PF_SOLUSD", code=1)[::-1]
    assert "NOT_FOUND" in str(refused["problem"])
    assert (brought["new"], brought["problem"]) == (48, None)
    monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={NOBODY}")
    said = kraken("funding-rates", "--update", code=1)
    assert "! Kraken Futures was not reached: could not reach 127.0.0.1:9" in said.err
    assert len(stored(kraken.home)) == 48
