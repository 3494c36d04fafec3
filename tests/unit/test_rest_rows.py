"""What rows of candles and trades mean that the API answers: exact where of the documented form, else refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import FULL_SCHEMA
from kraken_core.domain.exchange import NS, OhlcAnswer
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.sources.rest import answers, candle_answer, trade_answer
from kraken_core.sources.rest.failures import Policy
from tests.unit.rest_documents import (
    BTC,
    HOUR,
    HOURLY,
    LATE,
    NOW_NS,
    START,
    answer,
    decimals,
    page_of,
    refused,
    row,
    silent,
    trade,
)


def told_of(*rows: object, last: object = LATE, series: Series = HOURLY, as_of: int = LATE) -> OhlcAnswer:
    return candle_answer.ohlc(answers.result(answer(XXBTZUSD=rows, last=last)), series, as_of)


FORMING = row(999)  # always the last row of an answer


def hours(*spans: tuple[int, int]) -> TimeRanges:
    return TimeRanges.of((START + first * HOUR, START + end * HOUR) for first, end in spans)


# ------------------------------------------------------------------------------------------------------------ candles


def test_known_is_every_run_of_rows_and_silent_ones_are_no_candles() -> None:
    found = told_of(row(0), silent(1), row(2), row(5), silent(6), FORMING)
    assert found.known == hours((0, 3), (5, 7))
    assert found.candles["time"].dt.epoch("s").to_list() == [START + hour * HOUR for hour in (0, 2, 5)]
    assert found.candles.schema == FULL_SCHEMA
    assert found.rows == 6


def test_neither_the_forming_row_nor_what_was_not_closed_is_known() -> None:
    rows = [row(0), row(1), row(2), row(3)]
    assert told_of(*rows, last=START + HOUR).known == hours((0, 2))
    assert told_of(*rows, as_of=START + 3 * HOUR).known == hours((0, 3))
    assert told_of(*rows, as_of=START + 3 * HOUR - 1).known == hours((0, 2))
    assert told_of(*rows, as_of=START + 59).known == TimeRanges()


@pytest.mark.parametrize("last", [START + 2 * HOUR, START + 3 * HOUR, LATE])
def test_the_last_row_is_forming_even_where_last_names_it_and_its_slot_has_closed_since(last: int) -> None:
    rows = [row(0), row(1), row(2)]
    assert told_of(*rows, last=last).known == hours((0, 2))
    assert told_of(*rows, last=last).candles.height == 2
    assert told_of(*rows[:2], row(2, count=0), last=last).known == hours((0, 2)), "though it contradicts itself"
    assert told_of(row(0), last=last).known == TimeRanges()


@pytest.mark.parametrize("last", ["1.7E+9", "1E+9", "9E+9"])
def test_where_last_is_rounded_all_rows_but_the_forming_one_are_committed(last: str) -> None:
    assert told_of(row(0), silent(1), row(2), last=last).known == hours((0, 2))
    assert told_of(row(0), last=last).known == TimeRanges()


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
    found = told_of(row(0), doubtful, row(2), FORMING)
    assert found.known == hours((0, 1), (2, 3))
    assert found.candles.height == 2


def every(minutes: int, *numbers: int) -> list[list[Any]]:
    return [[START + number * minutes * 60, *row(0)[1:]] for number in numbers]


@pytest.mark.parametrize(
    "rows",
    [
        every(1, *range(120)),
        every(15, *range(9)),
        every(240, *range(9)),
        every(240, 0, 1, 2, 6, 7),
        every(1440, 0, 1, 2),
        [row(0), *every(30, 1, 3), *every(60, 2)],
        [row(number) for number in range(40, 0, -1)],
    ],
)
def test_an_answer_of_another_interval_is_refused_whichever_of_its_rows_open_slots_of_this_one(rows: list[Any]) -> None:
    assert refused(lambda: told_of(*rows)).policy is Policy.DOUBT


def test_holes_are_no_other_interval_but_of_two_rows_with_one_between_them_nothing_is_known() -> None:
    assert told_of(row(0), row(1), row(9)).known == hours((0, 2))
    assert told_of(row(0), row(8), row(9)).known == hours((8, 9)), "one row alone may be of any slot"
    assert told_of(row(0), ["x"], row(2), {}, row(4), ["x"], row(6)).known == hours((0, 1), (2, 3), (4, 5))
    assert told_of(row(0), row(4)).known == TimeRanges()
    assert told_of(row(0), row(4)).candles.is_empty()


def test_a_silent_slot_needs_no_price() -> None:
    assert told_of(row(0, price="0.0", volume="0", count=0), row(1)).known == hours((0, 1))


@given(decimals, decimals)
def test_values_are_the_doubles_nearest_to_their_text(price: str, volume: str) -> None:
    [candle] = told_of(row(0, price=price, volume=volume), row(1)).candles.to_dicts()
    assert [candle[name] for name in ("open", "high", "low", "close")] == [float(price)] * 4
    assert candle["volume"] == float(volume)


@pytest.mark.parametrize(
    "rows",
    [
        [[START + 1, *row(0)[1:]]],
        [row(0)[:-1]],
        [{}],
        [[START + 0.5, *row(0)[1:]]],
        [[True, *row(0)[1:]]],
        [row(0, price="-1")],
        [row(0, price="nan")],
        [row(0, price="1e31")],
        [row(0, price="")],
        [row(0, price=" 1")],
        [row(0, price="1_0")],
        [row(0, price="٣")],
        [row(0, price="1\n")],
        [row(0, volume="1,5")],
        [[*row(0)[:-1], "2.5"]],
        [[*row(0)[:-1], -1]],
        [[*row(0)[:-1], 1 << 31]],
        [[START, True, *row(0)[2:]]],
        [[*row(0)[:5], None, *row(0)[6:]]],
    ],
)
def test_rows_of_another_form_are_refused(rows: list[Any]) -> None:
    assert refused(lambda: told_of(*rows)).policy is Policy.DOUBT


@pytest.mark.parametrize("last", [None, 1.5, True, "soon", -1])
def test_candles_without_last_are_refused(last: object) -> None:
    refused(lambda: told_of(row(0), last=last))


@pytest.mark.parametrize("result", [{}, {"last": LATE}, {"A": [], "B": [], "last": LATE}, {"A": {}, "last": LATE}])
def test_an_answer_that_is_not_of_one_pair_is_refused(result: dict[str, Any]) -> None:
    refused(lambda: candle_answer.ohlc(answers.result(answer(**result)), HOURLY, LATE))
    refused(lambda: trade_answer.trades(answers.result(answer(**{**result, "last": "5"})), 0, 1_000))


def hour_by_hour(rows: int) -> list[list[Any]]:
    """An answer of which each row is told by its volume from all others; the last one is still forming."""
    return [row(hour, volume=f"{hour + 1}.5") for hour in range(rows)]


Alter = Callable[[list[Any]], Any]
moved: st.SearchStrategy[Alter] = st.integers(-30, 30).map(
    lambda hours: lambda each: [each[0] + hours * HOUR, *each[1:]]
)
late: st.SearchStrategy[Alter] = st.integers(1, HOUR - 1).map(
    lambda seconds: lambda each: [each[0] + seconds, *each[1:]]
)
unread: st.SearchStrategy[Alter] = st.sampled_from([None, [], {}, ["x"]]).map(lambda value: lambda _: value)
spoiled: st.SearchStrategy[Alter] = st.integers(1, 7).map(
    lambda field: lambda each: [*each[:field], "abc", *each[field + 1 :]]
)


@given(st.integers(24, 60), st.data())
def test_whichever_few_rows_were_altered_every_claimed_slot_is_true_and_most_are_claimed(
    count: int, data: st.DataObject
) -> None:
    rows = hour_by_hour(count)
    places = data.draw(st.lists(st.integers(0, count - 1), max_size=min(5, count // 8), unique=True))
    for place in places:
        rows[place] = data.draw(st.one_of(moved, late, unread, spoiled))(rows[place])
    found = told_of(*rows)
    true = {START + hour * HOUR: hour + 1.5 for hour in range(count - 1)}
    claimed = dict(zip(found.candles["time"].dt.epoch("s"), found.candles["volume"], strict=True))
    assert claimed.items() <= true.items()
    assert found.known == TimeRanges.of((time, time + HOUR) for time in claimed)
    assert len(claimed) >= count - 2 - 2 * len(places)


@given(st.integers(24, 60), st.data())
def test_a_repeated_row_counts_once_and_of_two_different_ones_for_a_slot_neither_is_sure(
    count: int, data: st.DataObject
) -> None:
    rows = hour_by_hour(count)
    slot, place = data.draw(st.integers(0, count - 2)), data.draw(st.sampled_from([0, count // 2, count - 1]))
    differs = data.draw(st.booleans())
    rows.insert(place, row(slot, volume="999") if differs else rows[slot])
    found = told_of(*rows)
    assert not (differs and found.known & hours((slot, slot + 1)))
    assert found.known.slots(HOUR) >= count - 1 - differs - 12
    assert not found.candles.filter(found.candles["volume"] == 999).height
    assert bool(found.skipped) or not differs


def test_rows_that_are_no_slots_or_in_no_order_are_named_and_the_others_are_taken() -> None:
    rows = hour_by_hour(60)
    rows[10][0] += 7
    rows[20], rows[40] = rows[40], rows[20]
    rows.insert(31, row(30, volume="999"))
    found = told_of(*rows)
    assert found.known == hours((0, 10), (11, 20), (21, 30), (31, 40), (41, 59))
    assert [json.loads(each)[0] for each in found.skipped] == [
        START + 10 * HOUR + 7,
        *(START + hour * HOUR for hour in (40, 30, 30, 20)),
    ]


@pytest.mark.parametrize("form", [float, "{}.0".format, "{}.000".format, "{:.9e}".format, "{:.12E}".format])
def test_last_of_candles_may_have_a_fraction_of_zeros(form: Callable[[int], object]) -> None:
    assert told_of(row(0), row(1), row(2), last=form(START + HOUR)).known == hours((0, 2))


def test_numbers_of_a_candle_may_be_of_any_form() -> None:
    plain = told_of(row(0, price="12.5", volume="150"), row(1))
    [first, *_] = plain.candles.to_dicts()
    for prices, volume, count in [(12.5, 150, 2.0), ("1.25e1", "1.5E+2", "2"), ("125e-1", 150.0, "2.0")]:
        odd = [float(START), *[prices] * 5, volume, count]
        assert told_of(odd, row(1)).candles.to_dicts() == [{**first, "trades": 2}]


def test_what_is_wrong_with_last_is_named() -> None:
    assert "candles without last" in str(refused(lambda: told_of(row(0), last=None)))
    assert 'its last is no instant: "soon"' in str(refused(lambda: told_of(row(0), last="soon")))


# ------------------------------------------------------------------------------------------- forms that grew, odd rows


def test_rows_with_trailing_fields_and_results_with_more_keys_are_read_as_before() -> None:
    plain = told_of(row(0), row(1), last=START + HOUR)
    grown = answers.result(
        answer(XXBTZUSD=[[*row(0), "new", 0], [*row(1), None]], last=START + HOUR, notes=["new"], next=None, count=2)
    )
    candles = candle_answer.ohlc(grown, HOURLY, LATE)
    assert candles.candles.equals(plain.candles)
    assert candles[1:] == plain[1:]
    rows = [[*trade(NOW_NS, 1), {"venue": 1}], [*trade(NOW_NS + 1, 2), "x", "y"]]
    page = trade_answer.trades(
        answers.result(answer(meta={}, XXBTZUSD=rows, tables=[], last=str(NOW_NS + 1))), 0, 1_000, BTC
    )
    assert page.trades["id"].to_list() == [1, 2]
    assert page.skipped == ()


@pytest.mark.parametrize("last", [START + HOUR, str(START + HOUR), f"{(START + HOUR) / 10**9:.9f}e9"])
def test_last_of_candles_may_be_a_number_a_text_or_exponential(last: object) -> None:
    assert told_of(row(0), row(1), row(2), last=last).known == hours((0, 2))


@pytest.mark.parametrize("form", [int, str, lambda cursor: f"{cursor // 10**18}.{cursor % 10**18:018d}E+18"])
def test_last_of_trades_keeps_its_nanoseconds_in_any_form(form: Callable[[int], object]) -> None:
    cursor = 1_688_671_969_993_150_843
    assert page_of(trade(cursor, 7), last=form(cursor), cursor=cursor - 1).cursor == cursor


@pytest.mark.parametrize("form", ["{}.0".format, "{:.18e}".format, float])
def test_a_last_that_went_through_a_double_leaves_no_trade_out(form: Callable[[int], object]) -> None:
    cursor = 1_688_671_969_993_150_843
    page = page_of(trade(cursor, 7), last=form(int(float(cursor))), cursor=cursor - 1_000)
    assert page.cursor == page.trades["time"][-1] - 1


def test_numbers_of_a_trade_may_be_of_any_form() -> None:
    plain = page_of(["12.5", "1.5", 1_688_671_969.25, "b", "l", "", 7], last=None)
    for price, volume, time, number in [
        (12.5, 1.5, "1688671969.25", "7"),
        ("1.25e1", "15E-1", "1.68867196925e9", 7.0),
    ]:
        assert page_of([price, volume, time, "b", "l", "", number], last=None).trades.equals(plain.trades)


def test_a_last_that_was_rounded_leaves_no_trade_out() -> None:
    body = answer(XXBTZUSD=[trade(NOW_NS, 1), trade(NOW_NS + 5_000, 2)], last="1.77483E+18")
    page = trade_answer.trades(answers.result(body), 0, 1_000)
    assert page.cursor == page.trades["time"][-1] - 1


@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(any), st.data())
def test_a_trade_that_cannot_be_read_is_named_and_what_lies_between_its_neighbours_is_unknown(
    readable: list[bool], data: st.DataObject
) -> None:
    odd = st.sampled_from([["x"], {}, None, ["?", *trade(NOW_NS, 1)[1:]], ["3.5", "1.5", "soon", "b", "l", "", 1]])
    start = NOW_NS // NS - 5
    rows = [trade(NOW_NS + n * NS, n) if good else data.draw(odd) for n, good in enumerate(readable)]
    last = NOW_NS + (len(rows) - 1) * NS
    page = page_of(*rows, last=str(last), cursor=start * NS)
    assert page.trades["id"].to_list() == [n for n, good in enumerate(readable) if good]
    assert (len(page.skipped), page.cursor) == (readable.count(False), last)
    second = NOW_NS // NS
    for n, good in enumerate(readable):
        if not good:
            before = max((m for m in range(n) if readable[m]), default=None)
            after = min((m for m in range(n, len(rows)) if readable[m]), default=len(rows) - 1)
            first = start if before is None else second + before
            assert page.unknown & TimeRanges.single(first, second + after) == TimeRanges.single(first, second + after)
    assert bool(page.unknown) is (not all(readable))


def test_a_candle_that_cannot_be_read_is_named_and_its_slot_stays_unknown() -> None:
    found = told_of(row(0), row(1, price="?"), row(2, high="3.4"), row(3, count=0), row(4), FORMING)
    assert found.known == hours((0, 1), (4, 5))
    assert [json.loads(each)[0] for each in found.skipped] == [START + hour * HOUR for hour in (1, 2, 3)]
    assert found.rows == 6


def test_a_page_of_which_nothing_can_be_read_is_refused() -> None:
    refused(lambda: page_of(["x"], ["y"], last=str(NOW_NS)))
    refused(lambda: told_of({}, [], last=LATE))


@pytest.mark.parametrize("last", [f"{NOW_NS}.5", "", "-1", "٣", "9" * 20, [1]])
def test_trades_whose_last_is_no_instant_are_refused(last: object) -> None:
    refused(lambda: page_of(trade(NOW_NS, 1), last=last))


def test_where_last_is_missing_the_last_trade_says_what_follows() -> None:
    page = page_of(trade(NOW_NS, 1), trade(NOW_NS + 7_000, 2), last=None)
    assert (page.trades.height, page.cursor) == (2, page.trades["time"][-1] - 1)  # which may be answered again
    assert page_of(last=None, cursor=NOW_NS).cursor == NOW_NS
