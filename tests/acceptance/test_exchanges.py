"""Other exchanges than Kraken spot as a user meets them: one ledger, one table, one command line for all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, day_start
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.exchange.coinbase import SimulatedCoinbase
from kraken_core.simulator.exchange.futures import SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.command_line import NOBODY, ROOT, Kraken, process
from tests.support.helping import in_soak
from tests.support.little_market import LittleMarket
from tests.support.pocket_coinbase import BTC_USD, ETH_EUR
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
PRODUCTS = SimulatedMarket.make(
    11,
    [
        Listing(BTC_USD, 0.05, 70_000, 2, 0.05),
        Listing(ETH_EUR, 0.01, 3_500, 2, 4, lives=(TimeRange(START + 7 * 3600, END),)),
    ],
    START,
    END,
)
EVERYWHERE = ["kraken-futures", "coinbase"]
SAMPLED = ["kraken-futures", *in_soak("coinbase")]


class Elsewhere(NamedTuple):
    """Another exchange, simulated: a market that it has and one that it has not, and what is asked of it.

    Requests of candles and trades go to ``endpoints``. Of its newest hour nothing can be proved where its candles leave
    out slots without trades: jobs are about the days before, as ``dates`` say.
    """

    name: str
    market: SimulatedMarket
    served: SimulatedFutures | SimulatedCoinbase
    pair: Pair
    unlisted: str
    endpoints: frozenset[str]
    dates: tuple[str, ...] = ()
    end: int = END

    def truth(self, interval: int) -> pl.DataFrame:
        found = self.market.truth(self.pair, interval)
        return found.filter(pl.col("time").dt.epoch("s") < self.end)

    @property
    def asked(self) -> int:
        return sum(each.endpoint in self.endpoints for each in self.served.requests)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """The exchange that the test is about; nobody answers for Kraken spot."""
    with ExitStack() as opened:
        if request.param == "coinbase":
            products = opened.enter_context(SimulatedCoinbase(PRODUCTS))
            of = frozenset({"candles", "trades"})
            words = ("--end-date", "2024-04-04")
            found = Elsewhere("coinbase", PRODUCTS, products, BTC_USD, "SOL-USD", of, words, END - 86_400)
        else:
            contracts = opened.enter_context(SimulatedFutures(FUTURES))
            of = frozenset({"charts"})
            found = Elsewhere("kraken-futures", FUTURES, contracts, PF_XBTUSD, "PF_SOLUSD", of)
        monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"{found.name}={found.served.url}")
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        yield found


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


def assert_same(found: pl.DataFrame, truth: pl.DataFrame) -> None:
    """The candles, but for the numbers of trades that their source does not count."""
    counted = found.with_columns(
        trades=pl.coalesce(found["trades"], truth["trades"]) if len(found) == len(truth) else None
    )
    assert_frame_equal(counted, truth)


@pytest.mark.parametrize("elsewhere", EVERYWHERE, indirect=True)
def test_a_market_is_ingested_covered_reported_and_verified(kraken: Kraken, elsewhere: Elsewhere) -> None:
    name = str(elsewhere.pair)
    done = ingest(kraken, "--pairs", name, "--intervals", "60,1440", *elsewhere.dates)
    assert (done["status"], done["completeness"]["missing"]) == ("COMPLETED", 0)
    for interval in (60, 1440):
        assert_same(stored(kraken.home, Series(elsewhere.pair, interval)), elsewhere.truth(interval))
    assert {(row["pair"], row["source"]) for row in kraken.rows("coverage", "--pairs", name)} == {(name, "API")}
    assert kraken.rows("gaps", "--pairs", name) == []
    assert {row["tier"] for row in kraken.rows("report")} == {"TIER1"}
    assert kraken("verify", "--json", "--pairs", name).json["ok"]
    [row] = kraken.rows("sql", "select pair, base, quote, tier from pairs")
    assert row == {"pair": name, "base": "BTC", "quote": "USD", "tier": "TIER1"}


@pytest.mark.parametrize("elsewhere", EVERYWHERE, indirect=True)
def test_a_second_job_requests_nothing_again(kraken: Kraken, elsewhere: Elsewhere) -> None:
    words = ("--pairs", str(elsewhere.pair), "--intervals", "60", *elsewhere.dates)
    ingest(kraken, *words)
    before = elsewhere.asked
    assert ingest(kraken, *words)["records"]["new"] == 0
    assert elsewhere.asked == before


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


@pytest.mark.parametrize("elsewhere", SAMPLED, indirect=True)
def test_both_exchanges_are_in_one_ledger_and_one_table(
    kraken: Kraken, elsewhere: Elsewhere, little: LittleMarket
) -> None:
    name = str(elsewhere.pair)
    kraken.ingest(little.folder, "--intervals", "60")
    spot = kraken.rows("coverage")
    ingest(kraken, "--pairs", name, "--intervals", "60", *elsewhere.dates)
    assert [row for row in kraken.rows("coverage") if row["pair"] != name] == spot
    counts = {row["pair"]: row["n"] for row in kraken.rows("sql", "select pair, count(*) n from candles group by 1")}
    assert counts[name] == elsewhere.truth(60).height
    assert counts["BTC/USD"] > 0
    of_tier = {row["pair"] for row in kraken.rows("report", "--tier", "TIER1")}
    assert {name, "BTC/USD"} <= of_tier
    assert kraken.rows("pairs", "--quotes", "USD")
    assert kraken("verify", "--json").json["ok"]


@pytest.mark.parametrize("elsewhere", EVERYWHERE, indirect=True)
def test_a_tier_brings_no_market_that_nobody_asked_for(
    kraken: Kraken, elsewhere: Elsewhere, little: LittleMarket
) -> None:
    kraken.ingest(little.folder, "--intervals", "1440")
    assert not any(":" in row["pair"] for row in kraken.rows("pairs"))
    assert elsewhere.served.requests == []


@pytest.mark.parametrize("elsewhere", EVERYWHERE, indirect=True)
def test_a_market_that_is_not_listed_is_missing_with_the_reason(kraken: Kraken, elsewhere: Elsewhere) -> None:
    unlisted = f"{elsewhere.name}:{elsewhere.unlisted}"
    done = ingest(kraken, "--pairs", f"{unlisted},{elsewhere.pair}", "--intervals", "1440", *elsewhere.dates)
    assert done["completeness"]["missing"] > 0
    reasons = {row["pair"]: row for row in kraken.rows("gaps")}
    assert set(reasons) == {unlisted}
    assert "the exchange does not list it" in reasons[unlisted]["reason"]


@pytest.mark.parametrize("elsewhere", SAMPLED, indirect=True)
def test_candles_are_exported_certified_and_checked_under_a_name_of_their_own(
    kraken: Kraken, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    name = str(elsewhere.pair)
    ingest(kraken, "--pairs", name, "--intervals", "60", *elsewhere.dates)
    kraken("export", "--pairs", name, "--intervals", "60", "--format", "csv", "--to", tmp_path / "out")
    rows = (tmp_path / "out" / f"{name.replace(':', '-')}_60.csv").read_text().splitlines()
    assert len(rows) == elsewhere.truth(60).height
    certificate = tmp_path / "certificate.json"
    certificate.write_text(kraken("certify", "--json").out)
    kraken("check-certificate", certificate)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("live", "--pairs", PF), "no other exchange is streamed: use kraken-history watch"),
        (("audit", "--pairs", PF), "audits are of pairs of Kraken spot"),
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
    assert "Kraken Futures was not reached: could not reach 127.0.0.1:9" in said.err


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
@pytest.mark.parametrize("elsewhere", SAMPLED, indirect=True)
def test_a_job_that_was_killed_goes_on_and_ends_true(kraken: Kraken, elsewhere: Elsewhere, point: str) -> None:
    dates = ("--start-date", "2024-03-27", *elsewhere.dates)
    words = ("ingest", "--pairs", str(elsewhere.pair), "--intervals", "1", *dates, "--yes")
    assert process(*words, code=None, env={"KRAKEN_FAILPOINT": point}).returncode == -9
    assert "completed" in process(*words).stderr
    assert_same(stored(kraken.home, Series(elsewhere.pair, 1)), elsewhere.truth(1))


# ------------------------------------------------------------------ what candles do not show, and only trades can


coinbase = pytest.mark.parametrize("elsewhere", ["coinbase"], indirect=True)
MINUTES = ("--pairs", str(BTC_USD), "--intervals", "1")


@coinbase
def test_minutes_without_rows_are_proved_by_the_numbers_of_the_trades(kraken: Kraken, elsewhere: Elsewhere) -> None:
    done = ingest(kraken, *MINUTES, *elsewhere.dates)
    assert done["completeness"]["missing"] == 0
    assert done["completeness"]["silent"] > done["completeness"]["present"]
    assert sum(row["missing"] for row in kraken.rows("report", "--evidence", "proved")) == 0
    assert_frame_equal(stored(kraken.home, Series(BTC_USD, 1)), elsewhere.truth(1))


@coinbase
def test_without_trades_a_slot_without_a_row_stays_missing(kraken: Kraken, elsewhere: Elsewhere) -> None:
    done = ingest(kraken, "--pairs", str(BTC_USD), "--intervals", "60", "--no-trades", *elsewhere.dates)
    found = done["completeness"]
    assert (found["silent"], found["present"]) == (0, elsewhere.truth(60).height)
    assert found["missing"] == found["wanted"] - found["present"] > 0
    assert sum(row["candles"] for row in kraken.rows("gaps")) == found["missing"]


@coinbase
def test_no_more_is_requested_than_was_allowed_and_the_next_job_goes_on(kraken: Kraken, elsewhere: Elsewhere) -> None:
    missing = [1]
    while missing[-1] and len(missing) < 9:
        before = len(elsewhere.served.requests)
        done = ingest(kraken, *MINUTES, "--max-requests", "7", *elsewhere.dates)
        sent = [each for each in elsewhere.served.requests[before:] if each.endpoint in elsewhere.endpoints]
        assert len(sent) <= 7
        missing.append(done["completeness"]["missing"])
    assert missing[-1] == 0
    assert_same(stored(kraken.home, Series(BTC_USD, 1)), elsewhere.truth(1))


@coinbase
def test_what_follows_the_newest_trade_is_missing_until_a_later_one_shows_it(
    kraken: Kraken, elsewhere: Elsewhere
) -> None:
    clock, times = elsewhere.served.clock, PRODUCTS.tapes[BTC_USD].time_ns // 10**9
    pause = next(int(a) for a, b in pairwise(times.tolist()) if b - a > 40 * 60 and a > START + 5 * 86_400)
    clock.advance(pause + 30 * 60 - clock.now())
    ingest(kraken, *MINUTES)
    [gap] = kraken.rows("gaps")
    assert gap["start"] <= f"{datetime.fromtimestamp(pause, UTC):%Y-%m-%dT%H:%M:%SZ}" < gap["end"]
    clock.advance(3 * 3600)
    done = ingest(kraken, *MINUTES, "--end-date", f"{datetime.fromtimestamp(pause - 86_400, UTC):%Y-%m-%d}")
    assert done["completeness"]["missing"] == 0
    ingest(kraken, *MINUTES)
    assert all(row["start"] >= gap["end"] for row in kraken.rows("gaps"))


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
