"""What answers of the exchange's API mean: exact where they have the documented form, and refused where not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.exchange import NS, TRADES, ListedPair, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.sources.rest import answers
from kraken_core.sources.rest.failures import NoAnswerError, Policy

RECORDED = Path(__file__).parents[2] / "../shared/data/rest"
BTC = Pair("BTC", "USD")
HOURLY = Series(BTC, 60)
HOUR = 3600
START = 1_774_828_800
LATE = START + 1_000 * HOUR


def answer(**result: object) -> bytes:
    return json.dumps({"error": [], "result": result}).encode()


def row(hour: int, *, price: str = "3.5", high: str = "", volume: str = "1.5", count: int = 2) -> list[Any]:
    return [START + hour * HOUR, price, high or price, price, price, price, volume, count]


def silent(hour: int) -> list[Any]:
    return row(hour, volume="0.00000000", count=0)


def trade(at_ns: int, number: int, price: str = "3.5", volume: str = "1.50000000") -> list[Any]:
    return [price, volume, at_ns / NS, "b", "l", "", number]


def told_of(*rows: object, last: object = LATE, series: Series = HOURLY, as_of: int = LATE) -> OhlcAnswer:
    return answers.ohlc(answers.result(answer(XXBTZUSD=rows, last=last)), series, as_of)


def page_of(*rows: object, last: object, cursor: int = 0, count: int = 1_000) -> TradesPage:
    return answers.trades(answers.result(answer(XXBTZUSD=rows, last=last)), cursor, count)


def hours(*spans: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((START + first * HOUR, START + end * HOUR) for first, end in spans)


def refused(read: Callable[[], object]) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as told:
        read()
    assert "\n" not in str(told.value)
    return told.value


# ------------------------------------------------------------------------------------------------------------ candles


def test_known_is_every_run_of_rows_and_silent_ones_are_no_candles() -> None:
    found = told_of(row(0), silent(1), row(2), row(5), silent(6))
    assert found.known == hours((0, 3), (5, 7))
    assert found.candles["time"].dt.epoch("s").to_list() == [START + hour * HOUR for hour in (0, 2, 5)]
    assert found.candles.schema == SCHEMA
    assert found.rows == 5


def test_neither_the_forming_row_nor_what_was_not_closed_is_known() -> None:
    rows = [row(0), row(1), row(2)]
    assert told_of(*rows, last=START + HOUR).known == hours((0, 2))
    assert told_of(*rows, as_of=START + 3 * HOUR).known == hours((0, 3))
    assert told_of(*rows, as_of=START + 3 * HOUR - 1).known == hours((0, 2))
    assert told_of(*rows, as_of=START + 59).known == TimeRanges()


@pytest.mark.parametrize(
    "doubtful",
    [
        row(1, high="3.4"),
        row(1, price="0", high="0"),
        row(1, volume="0"),
        row(1, count=0),
    ],
)
def test_a_row_that_contradicts_itself_leaves_its_slot_unknown(doubtful: list[Any]) -> None:
    found = told_of(row(0), doubtful, row(2))
    assert found.known == hours((0, 1), (2, 3))
    assert found.candles.height == 2


def test_a_silent_slot_needs_no_price() -> None:
    assert told_of(row(0, price="0.0", volume="0", count=0)).known == hours((0, 1))


decimals = st.decimals("0.00000001", "99999999999", places=8).map(lambda number: f"{number:f}")


@given(decimals, decimals)
def test_values_are_the_doubles_nearest_to_their_text(price: str, volume: str) -> None:
    [candle] = told_of(row(0, price=price, volume=volume)).candles.to_dicts()
    assert [candle[name] for name in ("open", "high", "low", "close")] == [float(price)] * 4
    assert candle["volume"] == float(volume)


@pytest.mark.parametrize(
    "rows",
    [
        [row(1), row(0)],
        [row(1), row(1)],
        [[START + 1, *row(0)[1:]]],
        [row(0)[:-1]],
        [[*row(0), 1]],
        [row(0), {}],
        [[str(START), *row(0)[1:]]],
        [[float(START), *row(0)[1:]]],
        [[True, *row(0)[1:]]],
        [row(0, price="-1")],
        [row(0, price="nan")],
        [row(0, price="1e3")],
        [row(0, price="")],
        [row(0, price=" 1")],
        [row(0, price="1_0")],
        [row(0, price="٣")],
        [row(0, price="1\n")],
        [row(0, volume="1,5")],
        [[*row(0)[:-1], "2"]],
        [[*row(0)[:-1], -1]],
        [[*row(0)[:-1], 1 << 31]],
        [[START, 3.5, *row(0)[2:]]],
        [[*row(0)[:5], None, *row(0)[6:]]],
    ],
)
def test_rows_of_another_form_are_refused(rows: list[Any]) -> None:
    assert refused(lambda: told_of(*rows)).policy is Policy.DOUBT


@pytest.mark.parametrize("last", [None, "1774828800", 1.5, True])
def test_candles_without_last_are_refused(last: object) -> None:
    refused(lambda: told_of(row(0), last=last))


@pytest.mark.parametrize("result", [{}, {"last": LATE}, {"A": [], "B": [], "last": LATE}, {"A": {}, "last": LATE}])
def test_an_answer_that_is_not_of_one_pair_is_refused(result: dict[str, Any]) -> None:
    refused(lambda: answers.ohlc(answers.result(answer(**result)), HOURLY, LATE))
    refused(lambda: answers.trades(answers.result(answer(**{**result, "last": "5"})), 0, 1_000))


# ------------------------------------------------------------------------------------------------------------- trades

NOW_NS = START * NS + 123_456_789


@given(
    st.lists(st.tuples(st.integers(0, 10**12), decimals, decimals), min_size=1, max_size=30),
    st.booleans(),
)
def test_trades_are_exact(told: list[tuple[int, str, str]], with_ids: bool) -> None:
    told.sort(key=lambda each: each[0])
    rows = ",".join(
        f'["{price}","{volume}",{Decimal(NOW_NS + after) / NS},"s","m",""{f",{number}" if with_ids else ""}]'
        for number, (after, price, volume) in enumerate(told)
    )
    last = NOW_NS + told[-1][0]
    body = f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"{last}"}}}}'.encode()
    page = answers.trades(answers.result(body), 0, 1_000)
    assert page.trades.schema == TRADES
    assert page.trades["time"].to_list() == [NOW_NS + after for after, _, _ in told]
    assert page.trades["price"].to_list() == [float(price) for _, price, _ in told]
    assert page.trades["volume"].to_list() == [Decimal(volume) for _, _, volume in told]
    assert page.trades["id"].to_list() == [number if with_ids else None for number in range(len(told))]
    assert (page.cursor, page.is_last) == (last, True)


def test_a_cursor_keeps_its_nanoseconds() -> None:
    cursor = 1_688_671_969_993_150_843  # no double is equal to it
    page = page_of(trade(cursor, 7), last=str(cursor), cursor=cursor - 1)
    assert page.cursor == cursor


def test_a_page_with_fewer_trades_than_asked_for_is_the_last_one() -> None:
    rows = [trade(NOW_NS + number, number) for number in range(4)]
    for count, is_last in [(4, False), (5, True)]:
        assert page_of(*rows, last=str(NOW_NS + 3), count=count).is_last is is_last


def test_an_empty_page_is_the_last_one_and_its_cursor_never_goes_back() -> None:
    for last, cursor in [("0", NOW_NS), (str(NOW_NS), NOW_NS), (str(NOW_NS + 5), NOW_NS + 5)]:
        page = page_of(last=last, cursor=NOW_NS)
        assert (page.trades.height, page.cursor, page.is_last) == (0, cursor, True)


def test_a_full_page_whose_cursor_does_not_move_is_refused() -> None:
    rows = [trade(NOW_NS, number) for number in range(3)]
    told = refused(lambda: page_of(*rows, last=str(NOW_NS), cursor=NOW_NS, count=3))
    assert "a full page of trades whose cursor does not move" in str(told)
    assert page_of(*rows, last=str(NOW_NS), cursor=NOW_NS, count=4).is_last


def test_trades_that_are_not_those_after_the_cursor_are_refused() -> None:
    rows = [trade(NOW_NS, 1)]
    assert page_of(*rows, last=str(NOW_NS), cursor=NOW_NS - 5)
    for last, cursor in [(NOW_NS, NOW_NS + 5), (NOW_NS, NOW_NS + 60 * NS), (NOW_NS + 60 * NS, 0), (0, 0)]:
        refused(lambda last=last, cursor=cursor: page_of(*rows, last=str(last), cursor=cursor))  # type: ignore[misc]


def test_trades_out_of_order_are_put_in_order_and_those_of_one_time_left_as_they_are() -> None:
    rows = [trade(NOW_NS + 2_000, 1), trade(NOW_NS, 2), trade(NOW_NS + 2_000, 3)]
    assert page_of(*rows, last=str(NOW_NS + 2_000)).trades["id"].to_list() == [2, 1, 3]


@pytest.mark.parametrize(
    "spoiled",
    [
        ["3.5", "1.5", NOW_NS / NS, "b", "l"],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", 1, 1],
        [3.5, "1.5", NOW_NS / NS, "b", "l", "", 1],
        ["0", "1.5", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", 1.5, NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "-1.5", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "0.000000001", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "9" * 30, NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "1.5", str(NOW_NS / NS), "b", "l", "", 1],
        ["3.5", "1.5", -1, "b", "l", "", 1],
        ["3.5", "1.5", None, "b", "l", "", 1],
        ["3.5", "1.5", NOW_NS / NS, "x", "l", "", 1],
        ["3.5", "1.5", NOW_NS / NS, "b", [], "", 1],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", "1"],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", 1.5],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", -1],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", 1 << 63],
    ],
)
def test_trades_of_another_form_are_refused(spoiled: list[Any]) -> None:
    assert refused(lambda: page_of(spoiled, last=str(NOW_NS))).policy is Policy.DOUBT


def test_rows_with_and_without_ids_on_one_page_are_refused() -> None:
    refused(lambda: page_of(trade(NOW_NS, 1), trade(NOW_NS, 2)[:-1], last=str(NOW_NS)))


@pytest.mark.parametrize("last", [None, NOW_NS, f"{NOW_NS}.0", "", "-1", "٣", "9" * 20, [1]])
def test_trades_without_last_are_refused(last: object) -> None:
    refused(lambda: page_of(trade(NOW_NS, 1), last=last))


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("errors", "policy"),
    [
        ("EGeneral:Too many requests", Policy.SLOWER),
        ("EAPI:Rate limit exceeded", Policy.SLOWER),
        ("EService:Unavailable", Policy.REPEAT),
        ("EService:Busy", Policy.REPEAT),
        ("EService:Deadline elapsed", Policy.REPEAT),
        ("EQuery:Unknown asset pair", Policy.PAIR),
        ("EGeneral:Invalid arguments", Policy.PAIR),
        ("EGeneral:Invalid arguments:pair", Policy.PAIR),
        ("EGeneral:Permission denied", Policy.ALL),
        ("EGeneral:Internal error", Policy.DOUBT),
        ("ESomething:Nobody knows", Policy.DOUBT),
    ],
)
def test_every_error_has_its_policy_and_is_told_in_its_own_words(errors: str, policy: Policy) -> None:
    for body in ({"error": [errors]}, {"error": ["WGeneral:Slow", errors], "result": {}}):
        told = refused(lambda body=body: answers.result(json.dumps(body).encode()))  # type: ignore[misc]
        assert told.policy is policy
        assert str(told) == f"it answers {errors}"


def test_what_an_error_says_is_told_in_one_short_line() -> None:
    told = refused(lambda: answers.result(json.dumps({"error": ["EService:\n\ud800" + "x" * 999]}).encode()))
    assert str(told).startswith("it answers EService: ?xxx")
    assert len(str(told)) < 250


def test_a_warning_is_no_error() -> None:
    assert answers.result(b'{"error":["WGeneral:Slow"],"result":{"status":"online"}}') == {"status": "online"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>We'll be right back.</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"result":{}}',
        b'{"error":[]}',
        b'{"error":"","result":{}}',
        b'{"error":[],"result":[]}',
        b'{"error":[],"result":{"unixtime":NaN}}',
        b'{"error":[],"result":{"unixtime":1}} x',
        b'\xff\xfe{"error":[]}',
        b"[" * 100_000,
        b'{"error":[],"result":{"a":' + b"9" * 5_000 + b"}}",
    ],
)
def test_a_body_of_another_form_makes_no_sense(body: bytes) -> None:
    assert refused(lambda: answers.result(body)).policy is Policy.DOUBT


@pytest.mark.parametrize("unixtime", [None, 0, -1, 1.5, "5", True, 1 << 60])
def test_a_clock_that_tells_no_time_is_refused(unixtime: object) -> None:
    refused(lambda: answers.server_time(answers.result(answer(unixtime=unixtime))))


# -------------------------------------------------------------------------------------------------------------- names


def listed(**rows: dict[str, Any]) -> answers.Listed:
    return answers.asset_pairs(answers.result(answer(**rows)))


def pair_row(altname: str, base: str, quote: str, **more: str) -> dict[str, Any]:
    return {"altname": altname, "base": base, "quote": quote, "pair_decimals": 1, **more}


def test_names_come_from_the_fields_and_neither_from_key_nor_altname() -> None:
    found = listed(
        K1=pair_row("ADAUSD", "ADA", "ZUSD", wsname="ADA/USD", status="online"),
        K2=pair_row("AIXBTUSD", "AIXBT", "ZUSD", wsname="AIXBT/USD", status="post_only"),
        K3=pair_row("XDGUSD", "XXDG", "ZUSD"),
        K4=pair_row("DOGUSD", "DOG", "ZUSD", status="cancel_only"),
    )
    assert [(str(pair), status) for pair, status in found.pairs] == [
        ("ADA/USD", "online"),
        ("AIXBT/USD", "post_only"),
        ("DOG/USD", "cancel_only"),
        ("DOGE/USD", "online"),
    ]


def test_dark_pools_are_dropped_and_names_that_are_none_are_counted() -> None:
    found = listed(
        **{
            "XXBTZUSD": pair_row("XBTUSD", "XXBT", "ZUSD", wsname="XBT/USD"),
            "XXBTZUSD.d": pair_row("XBTUSD.d", "XXBT", "ZUSD"),
            "FOOBAR": pair_row("FOOBAR", "FOO", "BAR", wsname="FOO/BAR", status="online"),
        }
    )
    assert found == ([ListedPair(BTC, "online")], ["FOOBAR"])


@pytest.mark.parametrize(
    "spoiled", [None, [], {}, pair_row("", "A", "B"), {"altname": "A", "base": 1, "quote": "ZUSD"}]
)
def test_an_entry_without_its_fields_is_refused(spoiled: Any) -> None:
    refused(lambda: listed(XXBTZUSD=spoiled))


# ----------------------------------------------------------------------------------------------------- whatever comes

CANDLES = {"error": [], "result": {"XXBTZUSD": [row(0), silent(1), row(2)], "last": START + HOUR}}
TRADED = {"error": [], "result": {"XXBTZUSD": [trade(NOW_NS + n, n) for n in range(3)], "last": str(NOW_NS + 2)}}
PAIRS = {"error": [], "result": {"A": pair_row("XBTUSD", "XXBT", "ZUSD", wsname="XBT/USD", status="online")}}
READERS: list[tuple[Any, Callable[[answers.Result], object]]] = [
    (CANDLES, lambda found: answers.ohlc(found, HOURLY, LATE)),
    (TRADED, lambda found: answers.trades(found, 0, 3)),
    (PAIRS, answers.asset_pairs),
    ({"error": [], "result": {"unixtime": START}}, answers.server_time),
    ({"error": [], "result": {"status": "online"}}, answers.status),
    ({"error": [], "result": {"XXBT": {"altname": "XBT"}}}, answers.asset_names),
]
NONSENSE = st.sampled_from(
    [
        *("null", "true", "[]", "[[]]", "{}", "-1", "0", "1.5", "1e999999999", "1e-999999999", "99999999999999999999"),
        *('""', '"x"', '"1e5"', '"٣"', '"\\ud800"', '"1774828800"'),
    ]
)


def places(value: Any) -> list[list[Any]]:
    """The way to every value in a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [[], *([key, *rest] for key, item in below for rest in places(item))]


@pytest.mark.parametrize(("document", "read"), READERS)
@given(st.data())
def test_whatever_is_wrong_with_an_answer_it_is_read_or_refused(
    document: Any, read: Callable[[answers.Result], object], data: st.DataObject
) -> None:
    spoiled, mark = deepcopy(document), "(here)"
    *way, last = data.draw(st.sampled_from(places(document)[1:]))
    parent = spoiled
    for key in way:
        parent = parent[key]
    parent[last] = mark
    body = json.dumps(spoiled).replace(f'"{mark}"', data.draw(NONSENSE)).encode()
    with suppress(NoAnswerError):
        read(answers.result(body))


@pytest.mark.parametrize(("document", "read"), READERS)
def test_an_answer_that_is_cut_off_anywhere_is_never_taken_for_whole(
    document: Any, read: Callable[[answers.Result], object]
) -> None:
    body = json.dumps(document).encode()
    read(answers.result(body))
    for length in range(len(body)):
        assert refused(lambda length=length: answers.result(body[:length])).policy is Policy.DOUBT  # type: ignore[misc]


# ---------------------------------------------------------------------------------------------------------- recordings


def recorded(name: str) -> answers.Result:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not here")
    text = (RECORDED / name).read_text(encoding="utf-8")
    return answers.result(text[text.index("{") :].encode())


@pytest.mark.real_data
def test_recorded_candles_are_read() -> None:
    found = recorded("xchange_ohlc.json")
    answer = answers.ohlc(found, Series(BTC, 1), 1_502_445_721)
    assert (answer.rows, answer.candles.height, answer.known.slots(60)) == (720, 702, 719)
    assert answer.known.hull == (1_502_402_520, 1_502_445_660)
    [last] = answer.candles.tail(1).to_dicts()
    assert (last["close"], last["volume"], last["trades"]) == (3531.999, 4.55205801, 15)


@pytest.mark.real_data
def test_recorded_trades_are_read() -> None:
    page = answers.trades(recorded("xchange_trades.json"), 0, 1_000)
    assert (page.trades.height, page.cursor, page.is_last) == (14, 1_385_579_841_881_785_998, True)
    assert page.trades.row(0) == (1_385_579_841_777_400_000, 1023.82219, Decimal("0.00435995"), None)
    assert page.trades["time"].is_sorted()


@pytest.mark.real_data
def test_recorded_names_are_those_that_are_told_offline() -> None:
    found = recorded("asset_pairs_2026.json")
    pairs, unreadable = answers.asset_pairs(found)
    assert (len(pairs), unreadable) == (1_434, [])
    assert sum(key != row["altname"] for key, row in found.items()) == 46  # type: ignore[index]
    by_fields = {pair for pair, _ in pairs}
    for key, row in found.items():
        altname = row["altname"]  # type: ignore[index]
        pair = Pair.parse(altname)
        assert pair in by_fields
        assert Pair.parse(key) == pair
        assert pair.altname == altname
    assert set(pl.Series([status for _, status in pairs])) == {"online", "cancel_only", "post_only", "reduce_only"}


@pytest.mark.real_data
def test_recorded_names_of_old_are_read_without_their_dark_pools() -> None:
    pairs, unreadable = answers.asset_pairs(recorded("xchange_assetpairs.json"))
    assert (len(pairs), unreadable) == (75, [])
    assert {status for _, status in pairs} == {"online"}


@pytest.mark.real_data
def test_recorded_assets_clock_and_state_are_read() -> None:
    assets = answers.asset_names(recorded("xchange_assets.json"))
    assert (assets["XETH"], assets["KFEE"], len(assets)) == ("ETH", "FEE", 27)
    assert answers.server_time(recorded("xchange_servertime.json")) == 1_391_835_876
    assert answers.status(recorded("krakennet_GetSystemStatus.txt")) == "online"
