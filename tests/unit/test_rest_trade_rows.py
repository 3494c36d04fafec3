"""What rows of trades mean that the API answers: exact where of the documented form, else refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.trades import PAGE
from kraken_core.sources.rest import answers, trade_answer
from kraken_core.sources.rest.failures import Policy
from tests.unit.rest_documents import NOW_NS, decimals, page_of, refused, trade


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
    page = trade_answer.trades(answers.result(body), 0, 1_000)
    assert page.trades.schema == PAGE
    assert set(page.trades["kind"]) == {"sm"}
    assert page.trades["time"].to_list() == [NOW_NS + after for after, _, _ in told]
    assert page.trades["price"].to_list() == [float(price) for _, price, _ in told]
    assert page.trades["volume"].to_list() == [Decimal(volume) for _, _, volume in told]
    assert page.trades["id"].to_list() == [number if with_ids else None for number in range(len(told))]
    assert (page.cursor, page.is_short) == (last, True)


def test_a_cursor_keeps_its_nanoseconds() -> None:
    cursor = 1_688_671_969_993_150_843  # no double is equal to it
    page = page_of(trade(cursor, 7), last=str(cursor), cursor=cursor - 1)
    assert page.cursor == cursor


def test_a_page_with_fewer_trades_than_asked_for_is_short() -> None:
    rows = [trade(NOW_NS + number, number) for number in range(4)]
    for count, is_short in [(4, False), (5, True)]:
        assert page_of(*rows, last=str(NOW_NS + 3), count=count).is_short is is_short


def test_an_empty_page_is_short_and_its_cursor_never_goes_back() -> None:
    for last, cursor in [("0", NOW_NS), (str(NOW_NS), NOW_NS), (str(NOW_NS + 5), NOW_NS + 5)]:
        page = page_of(last=last, cursor=NOW_NS)
        assert (page.trades.height, page.cursor, page.is_short) == (0, cursor, True)


def test_a_full_page_whose_cursor_does_not_move_is_read_as_it_is() -> None:
    rows = [trade(NOW_NS, number) for number in range(3)]
    page = page_of(*rows, last=str(NOW_NS), cursor=NOW_NS, count=3)
    assert (page.trades.height, page.cursor, page.is_short) == (3, NOW_NS, False)


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
        [True, "1.5", NOW_NS / NS, "b", "l", "", 1],
        ["0", "1.5", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "1.5e-9", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "-1.5", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "0.000000001", NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "9" * 30, NOW_NS / NS, "b", "l", "", 1],
        ["3.5", "1.5", "1e999", "b", "l", "", 1],
        ["3.5", "1.5", -1, "b", "l", "", 1],
        ["3.5", "1.5", None, "b", "l", "", 1],
        ["3.5", "1.5", NOW_NS / NS, "x", "l", "", 1],
        ["3.5", "1.5", NOW_NS / NS, "b", [], "", 1],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", "one"],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", 1.5],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", -1],
        ["3.5", "1.5", NOW_NS / NS, "b", "l", "", 1 << 63],
    ],
)
def test_trades_of_another_form_are_refused(spoiled: list[Any]) -> None:
    assert refused(lambda: page_of(spoiled, last=str(NOW_NS))).policy is Policy.DOUBT


def test_rows_with_and_without_ids_may_be_on_one_page() -> None:
    page = page_of(trade(NOW_NS, 1), trade(NOW_NS, 2)[:-1], last=str(NOW_NS))
    assert page.trades["id"].to_list() == [1, None]
