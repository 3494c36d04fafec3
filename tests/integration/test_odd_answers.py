"""The client of the exchange's API where entries, rows and forms are odd: nobody else is taken down by them."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import polars as pl
import pytest

from kraken_core.domain.errors import ExchangeError, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, FirstTrade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, TapeFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import KrakenExchange
from tests.integration.rest_clients import BTC, END, ETH, MARKET, PAIRS, asking, one_line

ADA, SOL = PAIRS[2:]
STOCK = Pair("AAPLx", "USD")
STOCKS = SimulatedMarket.make(
    3, [Listing(BTC, 1.0, 97_000, 1, 0.05), Listing(STOCK, 1.0, 230, 2, 3, tokenized=True)], END - 86_400, END
)
CANCEL_ONLY = "EService:Market in cancel_only mode"
ALWAYS = None


def outcome(client: KrakenExchange, pair: Pair) -> type[ExchangeError] | None:
    try:
        client.trades(pair, 0)
        client.ohlc(Series(pair, 60), END)
    except ExchangeError as error:
        one_line(error)
        return type(error)
    return None


def swept(client: KrakenExchange, pair: Pair) -> pl.DataFrame:
    """Every trade, repeats told by their ids."""
    pages, cursor = [], 0
    while True:
        page = client.trades(pair, cursor)
        pages.append(page.trades)
        if page.is_short:
            return pl.concat(pages).unique("id", keep="first", maintain_order=True)
        assert page.cursor > cursor
        cursor = page.cursor


# ---------------------------------------------------------------------------------------------------- the list of pairs


@pytest.mark.parametrize(
    ("fields", "is_read"),
    [
        ((("wsname", None),), True),
        ((("base", None),), True),
        ((("wsname", "東/USD"),), True),
        ((("status", "auction"), ("execution_venue", "new")), True),
        ((("wsname", None), ("base", None), ("altname", "東京")), False),
    ],
)
def test_one_odd_entry_of_the_list_of_pairs_hides_no_other(
    fields: tuple[tuple[str, object], ...], *, is_read: bool
) -> None:
    with asking(Fault(FaultKind.ENTRY, pair=BTC, times=ALWAYS, fields=fields)) as (client, _):
        listed = client.listed()
        assert {each.pair for each in listed.pairs} == {*PAIRS} - ({BTC} if not is_read else set())
        assert set(listed.skipped) == (set() if is_read else {"XXBTZUSD"})
        assert client.retries == 0


def test_an_answer_under_the_name_of_another_pair_is_refused_and_one_under_an_unknown_name_is_taken() -> None:
    with asking(Fault(FaultKind.OTHER_PAIR, pair=BTC, times=ALWAYS, fields=(("pair", "ETHUSD"),))) as (client, _):
        assert client.ohlc(Series(BTC, 60), END).candles.height, "its names are not known yet"
        client.listed()
        assert outcome(client, BTC) is PairRefusedError
        assert outcome(client, ETH) is None


def test_the_list_of_pairs_counts_though_an_error_came_with_it() -> None:
    with asking(Fault(FaultKind.BESIDE, "AssetPairs", times=ALWAYS)) as (client, _):
        assert [each.pair for each in client.listed().pairs] == sorted(PAIRS)


def test_where_stocks_are_not_listed_the_others_are() -> None:
    with asking(Fault(FaultKind.ERROR, "AssetPairs", nth=2, times=ALWAYS, error="EGeneral:Invalid arguments")) as (
        client,
        _,
    ):
        listed = client.listed()
        assert ([each.pair for each in listed.pairs], listed.tokenized) == (sorted(PAIRS), False)


# ------------------------------------------------------------------------------------------------------------- one pair


@pytest.mark.parametrize("status", [HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND])
@pytest.mark.parametrize(("error", "asked"), [("EQuery:Unknown asset pair", 1), ("EGeneral:Internal error", 5)])
def test_a_status_that_comes_with_an_error_of_the_exchange_is_about_this_pair(
    status: HTTPStatus, error: str, asked: int
) -> None:
    with asking(Fault(FaultKind.REFUSED, pair=BTC, times=ALWAYS, error=error, status=status)) as (client, served):
        assert outcome(client, BTC) is PairRefusedError
        assert len(served.requests) == asked
        assert [outcome(client, pair) for pair in PAIRS[1:]] == [None] * 3


def test_an_error_beside_rows_refuses_this_pair_alone() -> None:
    with asking(Fault(FaultKind.BESIDE, pair=BTC, times=ALWAYS)) as (client, _):
        assert [outcome(client, pair) for pair in PAIRS] == [PairRefusedError, None, None, None]


def broken(kind: FaultKind, *pairs: Pair, error: str = CANCEL_ONLY) -> Faults:
    return Faults(tuple(Fault(kind, pair=pair, times=ALWAYS, error=error) for pair in pairs))


@pytest.mark.parametrize(
    "faults",
    [
        broken(FaultKind.ERROR, BTC, ETH, ADA),
        broken(FaultKind.ERROR, BTC, ETH, ADA, error="EService:Busy"),
        broken(FaultKind.ERROR, BTC, ETH, ADA, error="ESomething:Nobody knows"),
        broken(FaultKind.NONSENSE, BTC, ETH, ADA),
        broken(FaultKind.SERVER_ERROR, BTC, ETH, ADA),
    ],
)
@pytest.mark.parametrize("first", [SOL, None])
def test_three_pairs_that_are_never_answered_do_not_end_the_job_while_another_is(
    faults: Faults, first: Pair | None
) -> None:
    with asking() as (client, served):
        client.listed()
        if first:
            assert outcome(client, first) is None
        served.faults = faults
        assert [outcome(client, pair) for pair in PAIRS] == [PairRefusedError] * 3 + [None]


def test_where_one_that_worked_is_not_answered_either_the_exchange_is_down() -> None:
    with asking() as (client, served):
        assert outcome(client, SOL) is None
        served.faults = broken(FaultKind.NONSENSE, *PAIRS)
        assert [outcome(client, pair) for pair in (BTC, ETH, ADA)] == [PairRefusedError] * 2 + [UnavailableError]


# ------------------------------------------------------------------------------------------------------------- odd rows


def test_one_odd_trade_is_skipped_and_its_surrounding_unknown() -> None:
    tape = MARKET.tapes[BTC]
    with asking() as (client, served):
        whole = swept(client, BTC)
        served.faults = Faults((Fault(FaultKind.ODD_ROW, "Trades", BTC, times=ALWAYS, row=6_000),))
        trades = swept(client, BTC)
        assert trades.equals(whole.filter(pl.col("id") != 6_000))
        page = client.trades(BTC, int(tape.time_ns[5_500]))
        [quoted] = page.skipped
        assert quoted.endswith("6000]")
        around = TimeRanges.single(int(tape.time_ns[5_998]) // NS, int(tape.time_ns[6_000]) // NS + 1)
        assert page.unknown == around


def test_one_odd_candle_is_skipped_and_its_slot_unknown() -> None:
    slot = END // 3600 * 3600 - 5 * 3600
    with asking(Fault(FaultKind.ODD_ROW, "OHLC", BTC, row=slot)) as (client, _):
        odd, whole = (client.ohlc(Series(BTC, 60), END) for _ in range(2))
        assert odd.known == whole.known - TimeRanges.single(slot, slot + 3600)
        assert len(odd.skipped) == 1
        assert whole.skipped == ()


def test_what_forms_is_no_candle_though_last_names_it_and_its_slot_has_closed_since_an_old_answer_was_made() -> None:
    with asking(Fault(FaultKind.LAST_FORMING, "OHLC", BTC)) as (client, served):
        of, forming = Series(BTC, 60), END // 3600 * 3600
        served.clock.advance(3600)
        served.tape_faults = TapeFaults(stale_candles=1.0, stale_s=3600)
        old = client.ohlc(of, END + 3600)
        assert old.known.hull.end == forming
        assert old.candles["time"].dt.epoch("s").max() == forming - 3600


@pytest.mark.parametrize("other", [1, 15, 240])
def test_candles_of_another_interval_are_requested_again_and_never_taken_for_those_of_this_one(other: int) -> None:
    fault = Fault(FaultKind.OTHER_PAIR, "OHLC", BTC, fields=(("interval", other),))
    with asking(fault) as (client, _):
        found, honest = (client.ohlc(Series(BTC, 60), END) for _ in range(2))
        assert (client.retries, found.known, found.rows) == (1, honest.known, honest.rows)
        assert found.candles.equals(honest.candles)
    with asking(replace(fault, times=ALWAYS)) as (client, _):
        client.trades(ETH, 0)
        with pytest.raises(PairRefusedError, match="candles of another interval"):
            client.ohlc(Series(BTC, 60), END)


# ------------------------------------------------------------------------------------------------ forms that have grown


@pytest.mark.parametrize("kind", [FaultKind.GROWN, FaultKind.LAST_INTEGER, FaultKind.LAST_EXPONENT])
def test_forms_that_have_grown_change_no_answer(kind: FaultKind) -> None:
    with asking() as (client, served):

        def everything() -> list[object]:
            candles = client.ohlc(Series(ETH, 60), END)
            return [
                client.now(),
                client.status(),
                client.assets(),
                client.listed(),
                candles.candles.rows(),
                candles[1:],
            ]

        before, trades = everything(), swept(client, ETH)
        served.faults = Faults((Fault(kind, times=ALWAYS),))
        assert everything() == before
        assert swept(client, ETH).equals(trades)
        assert client.retries == 0


def test_a_cursor_that_was_rounded_leaves_out_no_trade() -> None:
    with asking(Fault(FaultKind.LAST_ROUNDED, "Trades", times=ALWAYS)) as (client, _):
        assert swept(client, BTC)["id"].to_list() == MARKET.tapes[BTC].ids.tolist()


def test_a_first_trade_that_is_not_the_first_of_all_does_not_prove_itself() -> None:
    tape = MARKET.tapes[BTC]
    with asking(Fault(FaultKind.BEHEADED, "Trades", BTC, row=400)) as (client, _):
        first, true = client.first_trade(BTC), client.first_trade(BTC)
        assert first == FirstTrade(int(tape.time_ns[399]) // NS, 400)
        assert true == FirstTrade(int(tape.time_ns[0]) // NS, 1)
        assert [first.is_first, true.is_first] == [False, True]


# ---------------------------------------------------------------------------------------------------- tokenized stocks


def test_tokenized_stocks_are_listed_and_asked_for_with_their_class_and_in_their_case() -> None:
    with asking(market=STOCKS) as (client, served):
        listed = client.listed()
        assert [(str(each.pair), each.name.asset_class) for each in listed.pairs] == [
            ("AAPLx/USD", "tokenized_asset"),
            ("BTC/USD", "currency"),
        ]
        assert len(swept(client, STOCK)) == len(STOCKS.tapes[STOCK])
        assert client.ohlc(Series(STOCK, 60), END).candles.height == 24
        asked = [request.query for request in served.requests if request.pair == STOCK]
        assert {(query["pair"], query["asset_class"]) for query in asked} == {("AAPLxUSD", "tokenized_asset")}
        assert outcome(client, Pair("AAPLX", "USD")) is PairRefusedError
        assert outcome(client, BTC) is None


def test_a_stock_is_asked_for_with_its_class_though_nobody_listed_it_yet() -> None:
    with asking(market=STOCKS) as (client, _):
        assert outcome(client, STOCK) is None
