"""Is my data complete? One sentence, in which no interval hides another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_answer import CompletenessAnswer, completeness_answer
from kraken_core.domain.market import Pair, Series

BTC = Pair("BTC", "USD")
MINUTES, HOURS, DAYS = (Series(BTC, interval) for interval in (1, 60, 1440))
WHOLE = Completeness(10, 10, 8)


def test_every_series_has_to_be_complete_for_a_yes() -> None:
    found = completeness_answer([(MINUTES, WHOLE), (DAYS, WHOLE)])
    assert (found.is_yes, found.text) == (True, "Yes: all 2 series are complete.")
    assert completeness_answer([(DAYS, WHOLE)]).text == "Yes: the only series is complete."


def test_a_million_complete_minutes_do_not_hide_a_missing_day() -> None:
    found = completeness_answer([(MINUTES, Completeness(1_000_000, 1_000_000, 9)), (DAYS, Completeness(10, 9, 9))])
    assert not found.is_yes
    assert found.text == (
        "No: 1 of 2 series is complete and 1 is incomplete. "
        "Least complete is BTC/USD 1d at 90.00 %: of 10 candles expected, 1 is missing."
    )


def test_the_least_complete_of_which_anything_is_stored_is_named_before_one_without_anything() -> None:
    found = completeness_answer(
        [(MINUTES, Completeness(90)), (HOURS, Completeness(10, 5, 5)), (DAYS, Completeness(10, 9, 9))]
    )
    assert found.text == (
        "No: 0 of 3 series are complete, 2 are incomplete and nothing is stored of 1. "
        "Of those with data, least complete is BTC/USD 1h at 50.00 %: of 10 candles expected, 5 are missing."
    )
    assert completeness_answer([(MINUTES, Completeness(90)), (DAYS, WHOLE)]).text == (
        "No: 1 of 2 series is complete and nothing is stored of 1. Of BTC/USD 1m all 90 candles expected are missing."
    )


def test_what_is_doubtful_is_not_complete() -> None:
    found = completeness_answer([(DAYS, Completeness(10, 10, 8, doubtful=2))])
    assert found.text == "No: BTC/USD 1d is 80.00 % complete: of 10 candles expected, 2 are doubtful."


def test_of_one_series_nothing_is_counted_but_its_candles() -> None:
    found = completeness_answer([(DAYS, Completeness(10, 7, 5, doubtful=1))])
    assert found.text == "No: BTC/USD 1d is 60.00 % complete: of 10 candles expected, 3 are missing and 1 is doubtful."
    assert completeness_answer([(DAYS, Completeness(10))]).text == (
        "No: of BTC/USD 1d all 10 candles expected are missing."
    )


def test_nothing_expected_is_not_complete() -> None:
    assert not completeness_answer([]).is_yes
    assert not completeness_answer([(DAYS, Completeness())]).is_yes
    assert CompletenessAnswer().text == "Nothing is expected yet, so nothing can be complete."


@pytest.mark.parametrize("series", [[MINUTES, HOURS, DAYS]])
@given(data=st.data())
def test_it_is_yes_only_if_nothing_is_missing_or_doubtful_anywhere(series: list[Series], data: st.DataObject) -> None:
    counts = []
    for _ in series:
        covered = data.draw(st.integers(0, 5))
        doubtful = data.draw(st.integers(0, covered))
        counts.append(Completeness(covered + data.draw(st.integers(0, 5)), covered, covered, doubtful=doubtful))
    found = completeness_answer(zip(series, counts, strict=True))
    expected = [each for each in counts if each.wanted]
    assert found.total == len(expected)
    assert found.is_yes == (bool(expected) and not any(each.missing or each.doubtful for each in expected))
    assert found.is_yes == found.text.startswith("Yes")
