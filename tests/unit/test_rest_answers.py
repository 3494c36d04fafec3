"""What answers of the exchange's API mean: errors, names, and recorded ones; whatever comes is read or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.exchange import Listed, ListedPair
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import TOKENIZED, PairName
from kraken_core.domain.timerange import TimeRanges
from kraken_core.sources.rest import answers, candle_answer, listed_pairs, trade_answer
from kraken_core.sources.rest.failures import NoAnswerError, Policy
from tests.unit.rest_documents import BTC, CANDLES, HOURLY, LATE, START, TRADED, answer, refused

RECORDED = Path(__file__).parents[2] / "../shared/data/rest"


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
        assert str(told) == f"the exchange returned {errors}"


def test_what_an_error_says_is_told_in_one_short_line() -> None:
    told = refused(lambda: answers.result(json.dumps({"error": ["EService:\n\ud800" + "x" * 999]}).encode()))
    assert str(told).startswith("the exchange returned EService: ?xxx")
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


@pytest.mark.parametrize("unixtime", [None, 0, -1, 1.5, "soon", True, 1 << 60])
def test_a_clock_that_tells_no_time_is_refused(unixtime: object) -> None:
    refused(lambda: answers.server_time(answers.result(answer(unixtime=unixtime))))


@pytest.mark.parametrize("unixtime", ["1774828800", 1774828800.0, "1.7748288E9"])
def test_a_clock_may_tell_the_time_in_any_form(unixtime: object) -> None:
    assert answers.server_time(answers.result(answer(unixtime=unixtime))) == 1_774_828_800


# -------------------------------------------------------------------------------------------------------------- names


def listed(**rows: dict[str, Any]) -> Listed:
    return listed_pairs.asset_pairs(answers.result(answer(**rows)))


def pair_row(altname: str, base: str, quote: str, **more: str) -> dict[str, Any]:
    return {"altname": altname, "base": base, "quote": quote, "pair_decimals": 1, **more}


def test_names_come_from_the_fields_and_neither_from_key_nor_altname() -> None:
    found = listed(
        K1=pair_row("ADAUSD", "ADA", "ZUSD", wsname="ADA/USD", status="online"),
        K2=pair_row("AIXBTUSD", "AIXBT", "ZUSD", wsname="AIXBT/USD", status="post_only"),
        K3=pair_row("XDGUSD", "XXDG", "ZUSD"),
        K4=pair_row("DOGUSD", "DOG", "ZUSD", status="cancel_only"),
    )
    assert [(str(each.pair), each.status) for each in found.pairs] == [
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
            "FOOBAR": pair_row("FOOBAR", "FOO", "京", wsname="東/京", status="online"),
        }
    )
    assert found.pairs == (ListedPair(PairName(BTC, "XBTUSD", "XXBTZUSD"), "online"),)
    assert found.skipped == {"FOOBAR": "neither its wsname nor its base and quote name a pair"}


GOOD = pair_row("ETHUSD", "XETH", "ZUSD", wsname="ETH/USD", status="online")


@pytest.mark.parametrize(
    "spoiled", [None, [], "soon", {"altname": "BTC東", "base": 1, "quote": "ZUSD"}, {"wsname": None}, {"base": {}}]
)
def test_an_entry_that_cannot_be_read_is_skipped_and_named_and_the_others_are_read(spoiled: Any) -> None:
    found = listed(東京=spoiled, XETHZUSD=GOOD)
    assert [str(each.pair) for each in found.pairs] == ["ETH/USD"]
    assert list(found.skipped) == ["東京"]


@pytest.mark.parametrize(
    "fields",
    [
        {"wsname": None},
        {"wsname": "東/京"},
        {"wsname": None, "base": None},
        {"base": None, "quote": {}},
        {"altname": None},
        {"status": None},
        {"status": "auction", "execution_venue": "new"},
        {"aclass_base": None},
    ],
)
def test_an_entry_that_lacks_a_field_is_read_by_the_others(fields: dict[str, Any]) -> None:
    row = pair_row("XBTUSD", "XXBT", "ZUSD", wsname="XBT/USD", status="online")
    found = listed(XXBTZUSD={**row, **fields}, XETHZUSD=GOOD)
    assert [each.pair for each in found.pairs] == [BTC, Pair("ETH", "USD")]
    assert found.pairs[0].status == {"status": "online", **fields}["status"] or "unknown"
    assert found.skipped == {}


def test_an_altname_that_means_two_pairs_is_no_name_where_nothing_else_is() -> None:
    assert listed(K={"altname": "KNOBAUSD"}).skipped.keys() == {"K"}


def test_quotes_that_nobody_knew_and_names_with_small_letters_are_taken_as_they_are_told() -> None:
    found = listed(
        A=pair_row("AAPLxUSD", "AAPLx", "ZUSD", wsname="AAPLx/USD", aclass_base=TOKENIZED),
        B=pair_row("XBTNEWQ", "XXBT", "NEWQ", wsname="XBT/NEWQ"),
    )
    assert [(str(each.pair), each.name.asset_class) for each in found.pairs] == [
        ("AAPLx/USD", TOKENIZED),
        ("BTC/NEWQ", "currency"),
    ]


def test_a_result_beside_an_error_counts_where_one_entry_of_many_may_have_caused_it() -> None:
    body = json.dumps({"error": ["EGeneral:Internal error"], "result": {"A": GOOD}}).encode()
    assert listed_pairs.asset_pairs(answers.result(body, beside_errors=True)).pairs[0].pair == Pair("ETH", "USD")
    refused(lambda: answers.result(body))
    refused(lambda: answers.result(b'{"error":["EService:Busy"],"result":{}}', beside_errors=True))


# ----------------------------------------------------------------------------------------------------- whatever comes

PAIRS = {"error": [], "result": {"A": pair_row("XBTUSD", "XXBT", "ZUSD", wsname="XBT/USD", status="online")}}
READERS: list[tuple[Any, Callable[[answers.Result], object]]] = [
    (CANDLES, lambda found: candle_answer.ohlc(found, HOURLY, LATE)),
    (TRADED, lambda found: trade_answer.trades(found, 0, 3)),
    (PAIRS, listed_pairs.asset_pairs),
    ({"error": [], "result": {"unixtime": START}}, answers.server_time),
    ({"error": [], "result": {"status": "online"}}, answers.status),
    ({"error": [], "result": {"XXBT": {"altname": "XBT"}}}, listed_pairs.asset_names),
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


def test_rows_without_trades_are_believed_only_at_the_close_before_them() -> None:
    prices = ["100", "100", "101", "100"]  # of which the third is none of a row without trades, and so is the last
    rows = [[START + at * 3600, *[price] * 4, "0.0", "0", 0] for at, price in enumerate(prices)]
    rows[0][5:] = ["100", "2", 3]
    found = answers.result(json.dumps({"error": [], "result": {"XXBTZUSD": rows, "last": rows[-1][0]}}).encode())
    answer = candle_answer.ohlc(found, HOURLY, START + 4 * 3600)
    assert answer.known == TimeRanges.single(START, START + 2 * 3600)


def recorded(name: str) -> answers.Result:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not here")
    text = (RECORDED / name).read_text(encoding="utf-8")
    return answers.result(text[text.index("{") :].encode())


@pytest.mark.real_data
def test_recorded_candles_are_read() -> None:
    found = recorded("xchange_ohlc.json")
    answer = candle_answer.ohlc(found, Series(BTC, 1), 1_502_445_721)
    assert (answer.rows, answer.candles.height, answer.known.slots(60)) == (720, 702, 719)
    assert answer.known.hull == (1_502_402_520, 1_502_445_660)
    [last] = answer.candles.tail(1).to_dicts()
    assert (last["close"], last["volume"], last["trades"]) == (3531.999, 4.55205801, 15)


@pytest.mark.real_data
def test_recorded_trades_are_read() -> None:
    page = trade_answer.trades(recorded("xchange_trades.json"), 0, 1_000)
    assert (page.trades.height, page.cursor, page.is_short) == (14, 1_385_579_841_881_785_998, True)
    assert page.trades.row(0) == (1_385_579_841_777_400_000, 1023.82219, Decimal("0.00435995"), None, "sl")
    assert page.trades["time"].is_sorted()


@pytest.mark.real_data
def test_recorded_names_are_those_that_are_told_offline() -> None:
    found = recorded("asset_pairs_2026.json")
    listed = listed_pairs.asset_pairs(found)
    assert (len(listed.pairs), listed.skipped) == (1_434, {})
    assert sum(key != row["altname"] for key, row in found.items()) == 46  # type: ignore[index]
    by_fields, names = {each.pair for each in listed.pairs}, listed.names
    for key, row in found.items():
        altname = row["altname"]  # type: ignore[index]
        pair = Pair.parse(altname)
        assert pair in by_fields
        assert Pair.parse(key) == pair
        assert pair.altname == altname
        assert names.pair(key) == names.pair(altname) == pair
    assert {each.status for each in listed.pairs} == {"online", "cancel_only", "post_only", "reduce_only"}


@pytest.mark.real_data
def test_recorded_names_of_old_are_read_without_their_dark_pools() -> None:
    listed = listed_pairs.asset_pairs(recorded("xchange_assetpairs.json"))
    assert (len(listed.pairs), listed.skipped) == (75, {})
    assert {each.status for each in listed.pairs} == {"online"}


@pytest.mark.real_data
def test_recorded_assets_clock_and_state_are_read() -> None:
    assets = listed_pairs.asset_names(recorded("xchange_assets.json"))
    assert (assets["XETH"], assets["KFEE"], len(assets)) == ("ETH", "FEE", 27)
    assert answers.server_time(recorded("xchange_servertime.json")) == 1_391_835_876
    assert answers.status(recorded("krakennet_GetSystemStatus.txt")) == "online"
