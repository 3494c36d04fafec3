"""One of several exchanges is not reached: it is said by its name, and the others are requested all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from itertools import combinations
from typing import NamedTuple

import pytest

from kraken_core import Workbench
from kraken_core.domain.market import Pair
from kraken_core.domain.outages import called
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.exchange.coinbase import SimulatedCoinbase
from kraken_core.simulator.exchange.futures import SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import retries
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Round, Watch
from tests.support.command_line import NOBODY, Kraken
from tests.support.pocket_coinbase import BTC_USD
from tests.support.pocket_futures import PF_XBTUSD

START, END = day_start(date(2024, 4, 1)), day_start(date(2024, 4, 4))
SPOT = Pair("BTC", "USD")
MARKET = SimulatedMarket.make(
    11,
    [
        Listing(SPOT, 0.05, 70_000, 1, 0.05),
        Listing(PF_XBTUSD, 0.02, 70_000, 1, 0.05, charted=True),
        Listing(BTC_USD, 0.02, 70_000, 2, 0.05),
    ],
    START,
    END,
)
PAIRS = {"kraken": SPOT, "kraken-futures": PF_XBTUSD, "coinbase": BTC_USD}
EVERYWHERE = ",".join(map(str, PAIRS.values()))
DAYS = ("--intervals", "60", "--start-date", "2024-04-01", "--end-date", "2024-04-02")
WANTED = {"intervals": [60], "start_date": "2024-04-01", "end_date": "2024-04-02"}
COINBASE_AWAY = "Coinbase Exchange was not reached: could not reach 127.0.0.1:9"


class Three(NamedTuple):
    """The exchanges, and what is set of their addresses."""

    spot: SimulatedExchange
    futures: SimulatedFutures
    coinbase: SimulatedCoinbase
    patch: pytest.MonkeyPatch

    def away(self, *names: str) -> None:
        """Nobody answers at the addresses of these."""
        urls = {
            name: NOBODY if name in names else served.url
            for name, served in (("kraken", self.spot), ("kraken-futures", self.futures), ("coinbase", self.coinbase))
        }
        self.patch.setenv("KRAKEN_API_URL", urls.pop("kraken"))
        self.patch.setenv("KRAKEN_EXCHANGE_URLS", ",".join(f"{name}={url}" for name, url in urls.items()))


@pytest.fixture
def three(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[Three]:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
    with ExitStack() as opened:
        served = (
            opened.enter_context(SimulatedExchange(MARKET, limits=None)),
            opened.enter_context(SimulatedFutures(MARKET)),
            opened.enter_context(SimulatedCoinbase(MARKET)),
        )
        found = Three(*served, monkeypatch)
        found.away()
        yield found


def missing(kraken: Kraken) -> set[str]:
    return {row["pair"] for row in kraken.rows("report") if row["missing"]}


def test_the_others_are_requested_and_the_job_names_the_one_that_is_away(kraken: Kraken, three: Three) -> None:
    three.away("coinbase")
    done = kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes", "--json", code=1)
    assert done.json["error"].startswith(COINBASE_AWAY)
    assert "the exchange was not reached" not in done.err
    assert missing(kraken) == {str(BTC_USD)}
    [gap] = kraken.rows("gaps")
    assert (gap["status"], gap["route"]) == ("DETECTED", "ohlc")
    assert COINBASE_AWAY in gap["reason"]
    three.away()
    assert kraken("backfill", "--yes", "--json").json["error"] is None
    assert missing(kraken) == set()


def test_kraken_spot_that_is_away_hides_no_other(kraken: Kraken, three: Three) -> None:
    kraken("ingest", "--pairs", EVERYWHERE, *DAYS[:-1], "2024-04-01", "--yes")
    three.away("kraken")
    done = kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes", "--json", code=1).json
    assert done["error"].startswith("the exchange was not reached: could not reach 127.0.0.1:9")
    assert "Coinbase" not in done["error"]
    assert missing(kraken) == {str(SPOT)}
    assert {gap["status"] for gap in kraken.rows("gaps")} == {"DETECTED"}


@pytest.mark.parametrize("listed", [False, True], ids=["listings", "candles"])
def test_a_job_goes_on_without_an_exchange_that_stops_answering_meanwhile(
    kraken: Kraken, three: Three, *, listed: bool
) -> None:
    if listed:  # when it began is known, so that its candles are requested at once
        kraken("ingest", "--pairs", str(BTC_USD), *DAYS[:-1], "2024-04-01", "--yes")
    forbidden = (Fault(FaultKind.FORBIDDEN, endpoint, times=None) for endpoint in ("candles", "trades"))
    three.coinbase.faults = Faults(tuple(forbidden))
    done = kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes", "--json", code=1).json
    assert done["error"].startswith("Coinbase Exchange was not reached: ")
    assert missing(kraken) == {str(BTC_USD)}
    assert {gap["status"] for gap in kraken.rows("gaps")} == {"DETECTED"}  # an outage is no fault of a gap's


@pytest.mark.soak
@pytest.mark.parametrize("away", [some for many in (1, 2) for some in combinations(PAIRS, many)])
def test_whichever_are_away_are_named_and_only_their_pairs_are_missing(
    kraken: Kraken, three: Three, away: tuple[str, ...]
) -> None:
    three.away(*away)
    done = kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes", "--json", code=1).json
    assert {name for name in PAIRS if f"{called(name)} was not reached: " in done["error"]} == {*away}
    assert missing(kraken) == {str(PAIRS[name]) for name in away}


def test_an_exchange_without_pairs_here_is_not_missed(kraken: Kraken, three: Three) -> None:
    three.away("kraken-futures", "kraken")
    done = kraken("ingest", "--pairs", str(BTC_USD), *DAYS, "--yes", "--json").json
    assert done["error"] is None
    assert kraken("backfill", "--yes", "--json").json["error"] is None
    checks = {check["name"]: check for check in kraken("doctor", "--json").json["checks"]}
    assert "exchange" not in checks
    assert checks["exchange coinbase"]["status"] == "ok"


def test_doctor_has_a_line_for_every_exchange_with_pairs(kraken: Kraken, three: Three) -> None:
    kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes")
    three.away("coinbase")
    three.futures.clock.advance(-3_600)
    found = kraken("doctor", "--json").json
    checks = {check["name"]: check for check in found["checks"]}
    addresses = {each["setting"]: each["value"] for each in found["settings"]}["exchange_urls"]
    assert addresses == f"kraken-futures={three.futures.url},coinbase={NOBODY}"
    assert checks["skew"]["message"].endswith(
        "ahead of that of Kraken Futures: set it; until then jobs go by the earlier of the two."
    )
    assert checks["exchange"]["message"] == "its API answers; its state is online."
    assert checks["exchange kraken-futures"]["status"] == "ok"
    away = checks["exchange coinbase"]
    assert away["status"] == "warning"
    assert away["message"].startswith("could not reach 127.0.0.1:9: connection refused")
    assert "gaps of 1 pair here stay open. Its address is that of the setting exchange_urls" in away["message"]


def test_a_watch_names_who_is_away_at_once_and_who_is_reached_again(kraken: Kraken, three: Three) -> None:
    kraken("ingest", "--pairs", EVERYWHERE, *DAYS, "--yes")
    sent: list[Notice] = []
    outages = iter([("coinbase",), ("coinbase",), ("coinbase", "kraken-futures"), ("kraken-futures",), ()])
    done = watched(kraken, sent, outages, three)
    assert [bool(each.failed) for each in done] == [True, True, True, True, False]
    assert all(each.job for each in done)
    said = [(notice.kind, notice.message) for notice in sent]
    assert [kind for kind, _ in said] == ["exchange", "exchange", "exchange", "recovery", "exchange", "recovery"]
    assert said[0][1].startswith(COINBASE_AWAY)
    assert "Kraken Futures was not reached" in said[2][1]  # the third in a row, and another exchange
    assert said[3][1] == "Coinbase Exchange is reached again."
    assert said[4][1].startswith("Kraken Futures was not reached")
    assert said[5][1] == "a round succeeded again, after 4 rounds failed. Kraken Futures is reached again."


def watched(kraken: Kraken, sent: list[Notice], outages: Iterator[tuple[str, ...]], three: Three) -> list[Round]:
    three.away(*next(outages))
    with Workbench.open(kraken.home) as wb:

        def between(_seconds: float) -> bool:
            following = next(outages, None)
            if following is not None:
                three.away(*following)
                vars(wb)["settings"] = type(wb.settings).load(kraken.home)
            return following is None

        request = {"pairs": EVERYWHERE.split(","), **WANTED}
        return list(Watch(wb, request, 60, 0, between, lambda: False, [sent.append]).rounds())
