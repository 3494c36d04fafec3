"""Trades of sweeps and of live are kept: those of the tape, each once, whatever befalls the job or the line."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import pytest

from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges, day_start, iso
from kraken_core.simulator.archive import trades_text, write_release
from kraken_core.simulator.exchange import SimulatedExchange, TapeFaults
from kraken_core.simulator.exchange.stream_faults import StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.sources.rest import retries
from tests.support.command_line import Kraken, command, environment
from tests.support.helping import in_soak
from tests.support.kept_trades import assert_kept_is_tape, keeping
from tests.support.live_exchange import Following, live_exchange

DAY = "2026-03-30"
START = day_start(date(2026, 3, 30))
BTC, ADA = Pair("BTC", "USD"), Pair("ADA", "USD")
MARKET = SimulatedMarket.make(
    5, [Listing(BTC, 1.0, 97_000, 1, 0.05), Listing(ADA, 0.1, 0.45, 6, 400)], START, START + 4 * DAY_S
)
LIVELY = SimulatedMarket.make(
    11, [Listing(BTC, 12, 97_000, 1, 0.05), Listing(ADA, 0.5, 0.45, 6, 900)], START, START + 3 * 3600
)
BEGINS = START + 3600 + 1234
BAD_LINE = StreamFaults(seed=5, dropped=0.17, repeated=0.2, swapped=0.2, cut_after=8)


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedExchange]:
    with SimulatedExchange(MARKET, limits=None) as served:
        monkeypatch.setenv("KRAKEN_API_URL", served.url)
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
        yield served


def ingest(home: Path, *words: object) -> list[str]:
    """Half-hours: those of the first two days lie beyond the exchange's candles, at the end of which sweeps agree."""
    asked = ("--home", home, "--pairs", "BTC/USD,ADA/USD", "--intervals", "1m,12h", "--start-date", DAY, "--yes")
    return ["ingest", *map(str, asked), "--json", *map(str, words)]


def covered(home: Path, pair: Pair, *, proved: bool = False) -> TimeRanges:
    with Workbench.open(home) as workbench:
        claims = workbench.ledger.kept_claims([pair])
    return TimeRanges.of((each.start, each.end) for each in claims if each.proved or not proved)


def assert_kept_is_true(home: Path, market: SimulatedMarket, *, odd_ids: bool = False) -> None:
    """Where anything is claimed, what is kept is the tape."""
    for pair in market.tapes:
        for start, end in covered(home, pair):
            assert_kept_is_tape(home, market, pair, start, end, odd_ids=odd_ids)


def test_trades_of_a_sweep_are_kept_and_proved_by_their_ids(kraken: Kraken, exchange: SimulatedExchange) -> None:
    keeping(kraken.home)
    kraken(*ingest(kraken.home))
    last_days = TimeRanges.single(START, START + 3 * DAY_S)
    assert not last_days - covered(kraken.home, BTC)
    assert_kept_is_true(kraken.home, MARKET)
    with Workbench.open(kraken.home) as workbench:
        proved = workbench.trades("BTC/USD", START, START + 3 * DAY_S, evidence="proved")
        assert len(proved) == len(MARKET.tapes[BTC].between(START, START + 3 * DAY_S))
        first, *_ = workbench.ledger.kept_claims([BTC])
        assert first.first_id == 1
        assert proved["side"].isin(["buy", "sell"]).all()
        assert (proved["order_type"] == "limit").all()


ODD = [
    TapeFaults(seed=3, unknown=0.3, phantoms=0.02, swapped=0.01, restarts=0.0005),
    *in_soak(
        TapeFaults(seed=4, unknown=0.5),
        TapeFaults(seed=5, restarts=0.002),
        TapeFaults(seed=6, swapped=0.05),
        TapeFaults(seed=7, short=0.3, empty=0.1),
        TapeFaults(seed=8, late=0.05, late_s=30, stale=0.2, stale_s=600),
        TapeFaults(seed=9, coarse=True),
    ),
]


@pytest.mark.parametrize("faults", ODD, ids=lambda faults: f"seed {faults.seed}")
def test_whatever_ids_and_pages_are_what_is_claimed_is_the_tape_and_swept_twice_it_is_the_same(
    faults: TapeFaults, kraken: Kraken, exchange: SimulatedExchange
) -> None:
    exchange.tape_faults = faults
    keeping(kraken.home)
    kraken(*ingest(kraken.home), code=None)
    assert covered(kraken.home, BTC)
    assert_kept_is_true(kraken.home, MARKET, odd_ids=True)
    kraken(*ingest(kraken.home, "--max-requests", "100"), code=None)
    assert_kept_is_true(kraken.home, MARKET, odd_ids=True)


@pytest.mark.parametrize(
    "point",
    ["table.commit.after:2", *in_soak("ledger.commit.before:9", "table.commit.before:3", "table.stage.after:2")],
)
def test_a_sweep_that_was_killed_keeps_the_same_trades_when_it_is_resumed(
    point: str, kraken: Kraken, exchange: SimulatedExchange
) -> None:
    keeping(kraken.home)
    at = {"KRAKEN_API_URL": exchange.url, "KRAKEN_REQUESTS_PER_SECOND": "10", "KRAKEN_FAILPOINT": point}
    killed = subprocess.run(command(*ingest(kraken.home)), env=environment(at), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert_kept_is_true(kraken.home, MARKET)
    kraken(*ingest(kraken.home))
    assert not TimeRanges.single(START, START + 3 * DAY_S) - covered(kraken.home, BTC)
    assert_kept_is_true(kraken.home, MARKET)


def test_trades_of_an_archive_and_of_a_sweep_are_the_same_trades(
    kraken: Kraken, exchange: SimulatedExchange, tmp_path: Path
) -> None:
    """The sweep reads again what the archive leaves open: its last minutes are the sweep's, by their ids."""
    keeping(kraken.home)
    release = Release("Kraken_Trading_History.zip", START, START + DAY_S + 5_000, trades=True)
    kraken(*ingest(kraken.home, "--csv-source-dir", write_release(MARKET, release, tmp_path / "in")))
    assert not TimeRanges.single(START + 60, START + 3 * DAY_S) - covered(kraken.home, BTC)
    assert_kept_is_true(kraken.home, MARKET)


def test_only_the_trades_of_the_tiers_named_are_kept(
    kraken: Kraken, exchange: SimulatedExchange, tmp_path: Path
) -> None:
    keeping(kraken.home, '["TIER4"]')
    (kraken.home / "tiers.toml").write_text('[tiers]\nTIER1 = ["BTC"]\n')
    kraken(*ingest(kraken.home))
    assert not covered(kraken.home, BTC)
    assert covered(kraken.home, ADA)
    keeping(kraken.home, '["TIER9"]')
    refused = kraken(*ingest(kraken.home, "--end-date", "2026-03-31"), code=None)
    assert "keep_trades: 'TIER9' is not a tier" in refused.err


@pytest.mark.parametrize("faults", [BAD_LINE, *in_soak(StreamFaults())])
def test_trades_of_live_are_kept_whatever_the_line_does(
    faults: StreamFaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    keeping(home)
    with live_exchange(LIVELY, BEGINS, monkeypatch, faults) as exchange:
        with Following(home, exchange, (BTC, ADA), (1, 60), DAY) as live:
            live.streaming()
            whole = (BEGINS + 12 * 60 - SETTLING_S) // 60 * 60 - 120
            live.until(whole)
        begun = TimeRanges.single(BEGINS // 60 * 60 + 60, whole)
        for pair in (BTC, ADA):
            assert not begun - covered(home, pair, proved=True), (pair, iso(whole))
        assert_kept_is_true(home, LIVELY)


@pytest.mark.parametrize("seed", [1, *in_soak(*range(2, 30))])
def test_whatever_the_order_of_jobs_and_kills_what_is_claimed_is_the_tape(
    seed: int, kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archives of trades, sweeps, live, and jobs that are killed, in an order that chance draws."""
    keeping(kraken.home)
    chance = Random(seed)
    with live_exchange(LIVELY, BEGINS, monkeypatch, BAD_LINE) as exchange:
        at = {"KRAKEN_API_URL": exchange.rest.url, "KRAKEN_REQUESTS_PER_SECOND": "10"}
        for step in range(3):
            now = exchange.clock.now()
            match chance.choice(["archive", "backfill", "killed", "live"]):
                case "archive":
                    start = START + chance.randrange(0, 1800)
                    (source := tmp_path / str(step)).mkdir()
                    part = LIVELY.tapes[BTC].between(start, start + chance.randrange(600, 1800))
                    (source / "XBTUSD.csv").write_bytes(trades_text(part))
                    kraken(*ingest(kraken.home, "--csv-source-dir", source, "--no-api-backfill"))
                case "backfill":
                    kraken(*ingest(kraken.home))
                case "killed":
                    point = chance.choice(["table.commit.after", "table.commit.before", "ledger.commit.before"])
                    words = command(*ingest(kraken.home))
                    failing = environment({**at, "KRAKEN_FAILPOINT": f"{point}:{chance.randrange(1, 4)}"})
                    subprocess.run(words, env=failing, capture_output=True, check=False)
                case _:
                    with Following(kraken.home, exchange, (BTC, ADA), (1,), DAY) as live:
                        live.streaming()
                        live.until((now + 300) // 60 * 60 - SETTLING_S)
            assert_kept_is_true(kraken.home, LIVELY)
        kraken(*ingest(kraken.home))
        assert_kept_is_true(kraken.home, LIVELY)
        assert covered(kraken.home, BTC)
