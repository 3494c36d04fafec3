"""Odd entries, rows and pairs of the exchange, as a job meets them: named, counted, and nobody else taken down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.sources.rest import retries
from tests.support.command_line import Kraken
from tests.support.helping import in_soak

START = day_start(date(2026, 3, 30))
END = START + 4 * DAY_S
BTC, ADA, BNT, STOCK = Pair("BTC", "USD"), Pair("ADA", "USD"), Pair("BNT", "EUR"), Pair("AAPLx", "USD")
MARKET = SimulatedMarket.make(
    5,
    [
        Listing(BTC, 2.0, 97_000, 1, 0.05),
        Listing(ADA, 0.1, 0.45, 6, 400),
        Listing(BNT, 0.01, 0.5, 4, 120),
        Listing(STOCK, 0.05, 230, 2, 3, tokenized=True),
    ],
    START,
    END,
)
ODD = 6_000
VALUES = ["open", "high", "low", "close", "trades"]


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(MARKET, limits=None) as served:
        yield served


@pytest.fixture
def asking(kraken: Kraken, exchange: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> Kraken:
    monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
    monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    return kraken


def ingest(*words: object) -> list[str]:
    return ["ingest", "--tier", "ALL", "--start-date", "2026-03-30", "--yes", "--json", *map(str, words)]


def missing(kraken: Kraken, *words: object) -> dict[tuple[str, int], int]:
    return {
        (line["pair"], line["interval"]): line["missing"] for line in kraken.rows("report", *words) if line["missing"]
    }


def lies(home: Path) -> list[tuple[Any, ...]]:
    """Every stored candle that is not what was traded."""
    found = []
    with Workbench.open(home) as bench:
        for record in bench.ledger.pairs():
            for interval in (1, 60, 240, 1440):
                held = bench.store.candles({Series(record.pair, interval): TimeRanges.single(0, END_OF_TIME)})
                true = MARKET.truth(record.pair, interval).with_columns(pl.col("trades").cast(pl.Int32))
                found += held.join(true, on=["time", *VALUES], how="anti").rows()
    return found


def events(kraken: Kraken, kind: str) -> list[str]:
    with Workbench.open(kraken.home) as bench:
        return [event.message for event in bench.ledger.events(bench.jobs()[0].id) if event.kind == kind]


@pytest.mark.parametrize(
    "kind",
    [FaultKind.GROWN, FaultKind.LAST_INTEGER, *in_soak(None, FaultKind.LAST_EXPONENT, FaultKind.LAST_ROUNDED)],
)
def test_forms_that_grow_end_as_complete_as_those_that_are_documented(
    asking: Kraken, exchange: SimulatedExchange, kind: FaultKind | None
) -> None:
    exchange.faults = Faults((Fault(kind, times=None),) if kind else ())
    done = asking(*ingest("--complete", "--intervals", "1,60,720")).json
    assert done["completeness"]["missing"] == 0
    assert lies(asking.home) == []


def test_tokenized_stocks_are_ingested_backfilled_and_exported_in_their_case(
    asking: Kraken, exchange: SimulatedExchange, tmp_path: Path
) -> None:
    archive = write_release(
        MARKET, Release("two_days.zip", START, START + 2 * DAY_S, manifest=True, intervals=(60,)), tmp_path / "a"
    )
    asking(*ingest("--complete", "--intervals", "60", "--csv-source-dir", archive))
    with Workbench.open(asking.home) as bench:
        assert {record.pair: record.tier for record in bench.ledger.pairs()}[STOCK] is None
        assert len(bench.candles("AAPLx/USD", 60)) == MARKET.truth(STOCK, 60).height
        assert bench.gaps(pairs=["aaplx/usd"]).empty
    assert {row["pair"] for row in asking.rows("report", "--tier", "TIER3")} == {"BNT/EUR"}
    asking("export", "--pairs", "AAPLx/USD", "--format", "csv", "--to", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("*.csv")] == ["AAPLxUSD_60.csv"]


def test_one_odd_trade_leaves_its_minute_unknown_and_all_else_complete(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    exchange.faults = Faults((Fault(FaultKind.ODD_ROW, "Trades", BTC, times=None, row=ODD),))
    done = asking(*ingest("--complete", "--intervals", "1,60"), code=4).json
    tape = MARKET.tapes[BTC]
    minutes = {int(tape.time_ns[place]) // 10**9 // 60 for place in (ODD - 2, ODD - 1, ODD)}
    lost = missing(asking)
    assert lost.pop((str(BTC), 1)) in range(1, max(minutes) - min(minutes) + 2)
    assert lost == {}  # the hours come from the exchange's own candles
    assert done["records"]["rejected"] >= 1
    [message] = events(asking, "skipped")
    assert message.startswith("BTC/USD: ")
    assert f"{ODD}]" in message
    assert lies(asking.home) == []


def test_where_trades_are_refused_of_a_pair_its_candles_are_taken_where_they_reach(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    exchange.faults = Faults((Fault(FaultKind.NONSENSE, "Trades", BTC, times=None),))
    asking(*ingest("--complete", "--intervals", "1,60,720"), code=4)
    beyond = SETTLING_S // 60  # by which the exchange's present is later, and so its 720 minutes
    assert missing(asking) == {(str(BTC), 1): (END - START) // 60 - 720 + beyond}
    assert lies(asking.home) == []


def test_three_pairs_in_cancel_only_do_not_keep_the_others_from_being_asked(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    error = "EService:Market in cancel_only mode"
    exchange.faults = Faults(
        tuple(Fault(FaultKind.ERROR, pair=pair, times=None, error=error) for pair in (BTC, ADA, STOCK))
    )
    asking(*ingest("--complete", "--intervals", "60"), code=4)
    assert missing(asking) == {(str(pair), 60): (END - START) // 3600 for pair in (BTC, ADA, STOCK)}
    with Workbench.open(asking.home) as bench:
        assert len(bench.candles("BNT/EUR", 60)) == MARKET.truth(BNT, 60).height
    assert len(events(asking, "listing")) == 3


def test_an_entry_that_cannot_be_read_is_named_in_the_plan_and_delists_nothing(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    asking(*ingest("--complete", "--intervals", "60"))
    fields = (("wsname", None), ("base", None), ("altname", "東京"))
    exchange.faults = Faults((Fault(FaultKind.ENTRY, pair=BTC, times=None, fields=fields),))
    said = asking(*ingest("--complete", "--intervals", "60"))
    assert "entries of the exchange's list of pairs that could not be read: 1" in said.err
    assert "XXBTZUSD" in said.err
    assert missing(asking) == {}
    assert events(asking, "delisted") == []


def test_a_listing_that_does_not_prove_itself_is_assumed_and_asked_for_again(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    exchange.faults = Faults((Fault(FaultKind.BEHEADED, "Trades", BTC, times=1, row=3_000),))
    asking(*ingest("--intervals", "60"))
    later = int(MARKET.tapes[BTC].time_ns[2_999]) // 10**9

    def listing() -> tuple[int, bool]:
        with Workbench.open(asking.home) as bench:
            [life] = next(record.lives for record in bench.ledger.pairs() if record.pair == BTC)
            return life.start, life.assumed

    assert listing() == (later, True)
    [message] = events(asking, "listing")
    assert "the listing of 1 pair is assumed (BTC/USD)" in message
    asking(*ingest("--intervals", "60"))
    assert listing() == (int(MARKET.tapes[BTC].time_ns[0]) // 10**9, False)
    assert missing(asking) == {}


def test_a_first_trade_later_than_stored_candles_is_not_believed_whatever_its_id(
    asking: Kraken, exchange: SimulatedExchange, tmp_path: Path
) -> None:
    later = SimulatedMarket.make(5, [Listing(BNT, 0.01, 0.5, 4, 120)], START + 2 * DAY_S, END)  # as if ids began again
    archive = write_release(MARKET, Release("a.zip", START, START + DAY_S, intervals=(60,)), tmp_path / "a")
    words = ["--pairs", "BNT/EUR", "--start-date", "2026-03-01", "--intervals", "60", "--yes", "--json"]
    with SimulatedExchange(later, limits=None) as forgetful:
        asking("ingest", *words, "--csv-source-dir", archive, "--no-api-backfill")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("KRAKEN_API_URL", forgetful.url)
            asking("ingest", *words)
    with Workbench.open(asking.home) as bench:
        [life] = bench.ledger.pairs()[0].lives
        assert (life.assumed, life.start < START + DAY_S) == (True, True)
    assert "the listing of 1 pair is assumed (BNT/EUR)" in events(asking, "listing")[0]


def test_a_pair_that_was_refused_once_is_had_whole_when_it_is_answered(
    asking: Kraken, exchange: SimulatedExchange
) -> None:
    error = "EService:Market in cancel_only mode"
    exchange.faults = Faults((Fault(FaultKind.ERROR, pair=ADA, times=None, error=error),))
    asking(*ingest("--complete", "--intervals", "60"), code=4)
    exchange.faults = Faults()
    with Workbench.open(asking.home) as bench:
        waiting = [gap.id for gap in bench.ledger.gaps()]
    asking(*ingest("--intervals", "60"))
    asking("backfill", *(word for number in waiting for word in ("--gap", number)), "--yes", "--json")
    assert missing(asking) == {}
    assert lies(asking.home) == []
