"""Other exchanges than Kraken spot as a user meets them: one ledger, one table, one command line for all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, day_start
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.exchange.futures import SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.command_line import NOBODY, ROOT, Kraken, process
from tests.support.helping import in_soak
from tests.support.little_market import LittleMarket
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD
from tests.support.toy_exchange import install

START, END = day_start(date(2024, 3, 27)), day_start(date(2024, 4, 6))
FUTURES = SimulatedMarket.make(
    11,
    [
        Listing(PF_XBTUSD, 0.05, 70_000, 1, 0.05, charted=True),
        Listing(PI_ETHUSD, 0.01, 3_500, 2, 40, 0, lives=(TimeRange(START + 7 * 3600, END),), charted=True),
    ],
    START,
    END,
)
PF = str(PF_XBTUSD)


@pytest.fixture
def futures(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedFutures]:
    """The simulated Kraken Futures, which the command line asks; nobody answers for Kraken spot."""
    with SimulatedFutures(FUTURES) as served:
        monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={served.url}")
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        yield served


def ingest(kraken: Kraken, *words: object, code: int = 0) -> Any:
    return kraken("ingest", "--start-date", "2024-03-27", "--yes", "--json", *words, code=code).json


def stored(home: Path, series: Series) -> Any:
    with Workbench.open(home) as bench:
        return bench.store.candles({series: TimeRanges.single(0, END_OF_TIME)}).select(*COLUMNS)


def test_a_contract_is_ingested_covered_reported_and_verified(kraken: Kraken, futures: SimulatedFutures) -> None:
    done = ingest(kraken, "--pairs", PF, "--intervals", "60,1440")
    assert (done["status"], done["completeness"]["missing"]) == ("COMPLETED", 0)
    for interval in (60, 1440):
        assert_frame_equal(stored(kraken.home, Series(PF_XBTUSD, interval)), FUTURES.truth(PF_XBTUSD, interval))
    assert {(row["pair"], row["source"]) for row in kraken.rows("coverage", "--pairs", PF)} == {(PF, "API")}
    assert kraken.rows("gaps", "--pairs", PF) == []
    assert {row["tier"] for row in kraken.rows("report")} == {"TIER1"}
    assert kraken("verify", "--json", "--pairs", PF).json["ok"]
    [row] = kraken.rows("sql", "select pair, base, quote, tier from pairs")
    assert row == {"pair": PF, "base": "BTC", "quote": "USD", "tier": "TIER1"}


def test_a_second_job_requests_no_candle_again(kraken: Kraken, futures: SimulatedFutures) -> None:
    ingest(kraken, "--pairs", PF, "--intervals", "60")
    before = len([asked for asked in futures.requests if asked.endpoint == "charts"])
    assert ingest(kraken, "--pairs", PF, "--intervals", "60")["records"]["new"] == 0
    assert len([asked for asked in futures.requests if asked.endpoint == "charts"]) == before


def test_a_dry_run_says_how_many_requests_of_candles_a_contract_takes(
    kraken: Kraken, futures: SimulatedFutures
) -> None:
    plan = kraken("ingest", "--pairs", PF, "--intervals", "1", "--start-date", "2024-03-27", "--dry-run", "--json").json
    minutes = (END - START) // 60
    assert plan["requests"] == 1 + -(-minutes // 1_000)  # one for its first trade
    assert {gap["route"] for gap in plan["gaps"]} == {"ohlc"}
    shown = kraken("ingest", "--pairs", PF, "--intervals", "1", "--start-date", "2024-03-27", "--dry-run")
    assert "1 for first trades, 15 for candles" in shown.out + shown.err
    assert not kraken.home.exists()


def test_both_exchanges_are_in_one_ledger_and_one_table(
    kraken: Kraken, futures: SimulatedFutures, little: LittleMarket
) -> None:
    kraken.ingest(little.folder, "--intervals", "60")
    spot = kraken.rows("coverage")
    ingest(kraken, "--pairs", PF, "--intervals", "60")
    assert [row for row in kraken.rows("coverage") if row["pair"] != PF] == spot
    counts = {row["pair"]: row["n"] for row in kraken.rows("sql", "select pair, count(*) n from candles group by 1")}
    assert counts[PF] == FUTURES.truth(PF_XBTUSD, 60).height
    assert counts["BTC/USD"] > 0
    of_tier = {row["pair"] for row in kraken.rows("report", "--tier", "TIER1")}
    assert {PF, "BTC/USD"} <= of_tier
    assert kraken.rows("pairs", "--quotes", "USD")
    assert kraken("verify", "--json").json["ok"]


def test_a_tier_brings_no_contract_that_nobody_asked_for(
    kraken: Kraken, futures: SimulatedFutures, little: LittleMarket
) -> None:
    kraken.ingest(little.folder, "--intervals", "1440")
    assert not any(":" in row["pair"] for row in kraken.rows("pairs"))
    assert futures.requests == []


def test_a_contract_that_is_not_listed_is_missing_with_the_reason(kraken: Kraken, futures: SimulatedFutures) -> None:
    done = ingest(kraken, "--pairs", f"kraken-futures:PF_SOLUSD,{PF}", "--intervals", "1440")
    assert done["completeness"]["missing"] > 0
    reasons = {row["pair"]: row for row in kraken.rows("gaps")}
    assert set(reasons) == {"kraken-futures:PF_SOLUSD"}
    assert "the exchange does not list it" in reasons["kraken-futures:PF_SOLUSD"]["reason"]


def test_candles_are_exported_under_a_name_of_their_own(
    kraken: Kraken, futures: SimulatedFutures, tmp_path: Path
) -> None:
    ingest(kraken, "--pairs", PF, "--intervals", "60")
    kraken("export", "--pairs", PF, "--intervals", "60", "--format", "csv", "--to", tmp_path / "out")
    rows = (tmp_path / "out" / "kraken-futures-PF_XBTUSD_60.csv").read_text().splitlines()
    assert len(rows) == FUTURES.truth(PF_XBTUSD, 60).height


def test_candles_of_a_contract_are_certified_and_checked(
    kraken: Kraken, futures: SimulatedFutures, tmp_path: Path
) -> None:
    ingest(kraken, "--pairs", PF, "--intervals", "60")
    certificate = tmp_path / "certificate.json"
    certificate.write_text(kraken("certify", "--json").out)
    kraken("check-certificate", certificate)


def test_funding_rates_are_read_and_not_stored(kraken: Kraken, futures: SimulatedFutures) -> None:
    with Workbench.open(kraken.home) as bench:
        found = bench.funding_rates(PF)
        assert (len(found), list(found.columns)) == ((END - START) // 3600, ["absolute", "relative"])
        assert found.index[0].timestamp() == START
        with pytest.raises(UsageError, match="BTC/USD has no funding rates: name a perpetual"):
            bench.funding_rates("BTC/USD")
    assert not kraken.home.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("live", "--pairs", PF), "no other exchange is streamed: use kraken-history watch"),
        (("audit", "--pairs", PF), "only Kraken spot numbers its trades"),
        (("export", "--format", "nautilus", "--to", "catalog"), "catalogs are of pairs of Kraken spot"),
    ],
)
def test_what_takes_numbered_trades_says_that_it_is_of_kraken_spot(
    kraken: Kraken, futures: SimulatedFutures, words: tuple[str, ...], why: str
) -> None:
    ingest(kraken, "--pairs", PF, "--intervals", "1440")
    jobs = len(kraken.rows("jobs"))
    said = kraken(*words, code=2)
    assert why in said.err
    assert len(kraken.rows("jobs")) == jobs


@pytest.mark.parametrize(
    ("word", "why"),
    [("nowhere:BTC", "no exchange 'nowhere' is installed"), ("kraken-futures:BTC", "contracts are called like")],
)
def test_what_names_no_market_is_one_line(kraken: Kraken, word: str, why: str) -> None:
    said = kraken("ingest", "--pairs", word, "--yes", code=2)
    assert why in said.err
    assert said.err.count("\n") == 1


def test_where_the_exchange_is_away_the_line_names_it(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={NOBODY}")
    monkeypatch.setattr("kraken_core.sources.rest.waiting.time.sleep", lambda _: None)
    said = kraken("ingest", "--pairs", PF, "--yes", code=1)
    assert "the exchange was not reached: could not reach 127.0.0.1:9" in said.err


@pytest.mark.parametrize("value", ["kraken-futures", "kraken-futures=ftp://x", "=http://x", "a=http://x,b"])
def test_a_wrong_address_is_one_line_with_what_would_be_right(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", value)
    said = kraken("exchanges", code=2)
    assert "KRAKEN_EXCHANGE_URLS: exchange_urls is" in said.err
    assert "name=https://" in said.err


@pytest.mark.parametrize(
    "urls",
    [
        '{ kraken-futures = "https://me:hunter22@127.0.0.1:9/?key=hunter22" }',
        '["https://me:hunter22@127.0.0.1:9"]',
        '{ kraken-futures = "ftp://me:hunter22@127.0.0.1:9" }',
    ],
)
def test_a_password_in_an_address_is_shown_nowhere(kraken: Kraken, urls: str) -> None:
    kraken.home.mkdir()
    (kraken.home / "kraken.toml").write_text(f"exchange_urls = {urls}\n")
    for words in (["exchanges"], ["exchanges", "--json"], ["doctor"], ["doctor", "--json"], ["ingest", "--pairs", PF]):
        said = kraken(*words, code=None)
        assert "hunter22" not in said.out + said.err


def test_the_addresses_may_be_a_table_of_the_settings_file(kraken: Kraken) -> None:
    kraken.home.mkdir()
    (kraken.home / "kraken.toml").write_text('[exchange_urls]\nkraken-futures = "http://127.0.0.1:1"\n')
    rows = {row["exchange"]: row for row in kraken.rows("exchanges")}
    assert rows["kraken-futures"]["url"] == "http://127.0.0.1:1"
    assert (rows["kraken"]["newest"], rows["kraken-futures"]["newest"]) == (720, None)
    assert "kraken-futures" in kraken("exchanges").out


@pytest.mark.parametrize(
    "point", ["table.commit.after", *in_soak("table.stage.after", "table.commit.before", "report.before")]
)
def test_a_job_that_was_killed_goes_on_and_ends_true(kraken: Kraken, futures: SimulatedFutures, point: str) -> None:
    words = ("ingest", "--pairs", PF, "--intervals", "1", "--start-date", "2024-03-27", "--yes")
    assert process(*words, code=None, env={"KRAKEN_FAILPOINT": point}).returncode == -9
    assert "completed" in process(*words).stderr
    assert_frame_equal(stored(kraken.home, Series(PF_XBTUSD, 1)), FUTURES.truth(PF_XBTUSD, 1))


# ------------------------------------------------------------------------------------------ an exchange of one's own


@pytest.mark.parametrize("newest", [None, *in_soak(100)])
def test_a_package_adds_an_exchange_and_nothing_else_changes(
    kraken: Kraken, tmp_path: Path, newest: int | None
) -> None:
    folder = install(tmp_path / "packages", newest)
    env = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    words = ("--pairs", "toy:btc-usd", "--intervals", "60,1440")
    dates = ("--start-date", "2026-03-10", "--as-of", "2026-03-20T00:00:00Z")
    exchanges = json.loads(process("exchanges", "--json", env=env).stdout)
    assert [row["exchange"] for row in exchanges] == ["kraken", "coinbase", "kraken-futures", "toy"]
    done = json.loads(process("ingest", *words, *dates, "--yes", "--json", env=env).stdout)
    coverage = json.loads(process("coverage", *words, "--json", env=env).stdout)
    gaps = json.loads(process("gaps", *words, "--json", env=env).stdout)
    hours = 240 if newest is None else 100
    assert {row["pair"] for row in coverage} == {"toy:BTC-USD"}
    assert sum(row["candles"] for row in coverage if row["interval"] == 60) == hours * 4 // 5
    assert bool(gaps) == (newest is not None)
    assert done["completeness"]["missing"] == (0 if newest is None else 140)
    assert json.loads(process("verify", *words, "--json", env=env).stdout)["ok"]
    # Without the package, what is stored is read all the same, and nothing can be requested.
    assert json.loads(process("sql", "select pair, base, quote from pairs", "--json").stdout) == [
        {"pair": "toy:BTC-USD", "base": "BTC", "quote": "USD"}
    ]
    assert json.loads(process("coverage", "--json").stdout) == coverage
    refused = process("ingest", *words, *dates, "--yes", code=2)
    assert "no exchange 'toy' is installed; there are coinbase, kraken, kraken-futures" in refused.stderr
