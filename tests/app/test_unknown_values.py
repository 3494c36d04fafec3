"""What an address names and a page cannot show is said, with what is shown instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import Opened, told


def warnings(shown: AppTest) -> list[str]:
    return [said for each in shown.warning if "shown: " in (said := told(each.value))]


@pytest.mark.parametrize("page", ["series", "candles"])
def test_a_series_that_is_not_there_is_named_with_the_one_that_is_shown(page: str, full: Path, opened: Opened) -> None:
    said = "NOSUCH/USD, 7m are not in this home; shown: BTC/USD 1h."
    shown = opened(page, pair="NOSUCH/USD", interval="7m")
    assert warnings(shown) == [said]
    assert not warnings(shown.run()), "the address names another one by now"
    assert not warnings(opened(page, pair="BTC/EUR", interval="1d"))


@pytest.mark.parametrize("page", ["gaps", "coverage", "settings"])
def test_filters_that_are_none_are_named(page: str, full: Path, opened: Opened) -> None:
    said = (
        "NOSUCH/USD, 9h are not in this home; from=rubbish is not possible, and ignored; "
        "shown: what the other filters select."
    )
    rubbish = {"pair": ["BTC/USD", "NOSUCH/USD"], "interval": "9h", "from": "rubbish", "to": "2024-04-02"}
    assert warnings(opened(page, **rubbish)) == [said]
    right = {"tier": "TIER1", "quote": "USD", "interval": ["1h", "1d"], "from": "2024-03-28", "to": "2024-04-02"}
    assert not warnings(opened(page, **right))


def test_a_job_that_is_not_there_is_named(full: Path, opened: Opened) -> None:
    assert warnings(opened("jobs", job="999")) == ["Job 999 is not in this home; shown: job 1."]
    assert not warnings(opened("jobs", job="1"))


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (("2024-04-02T00:00", "2024-04-01T00:00"), "The window of the address ends before it begins; shown: "),
        (("rubbish", "2024-04-01T00:00"), "rubbish is no time such as 2026-01-31T00:00; shown: "),
        (("2031-01-01T00:00", "2031-02-01T00:00"), "Nothing is expected in the window of the address; shown: "),
    ],
)
@pytest.mark.parametrize("page", ["gaps", "coverage", "candles"])
def test_a_window_that_is_none_is_named(
    page: str, window: tuple[str, str], said: str, full: Path, opened: Opened
) -> None:
    start, end = window
    [warning] = warnings(opened(page, pair="BTC/USD", start=start, end=end))
    assert warning.startswith(said)


def test_a_window_that_reaches_out_of_what_is_expected_is_one(full: Path, opened: Opened) -> None:
    assert not warnings(opened("gaps", pair="BTC/USD", start="2020-01-01T00:00", end="2024-04-01T00:00"))


def test_a_request_is_shown_without_what_is_unknown_and_says_so(full: Path, opened: Opened) -> None:
    page = opened(
        "ingest", tier="TIER9", interval="7m", source="/nowhere", through="yesterday", **{"from": "2024-03-27"}
    )
    said = (
        "TIER9, 7m, /nowhere are not in this home; through=yesterday is not possible, and ignored; "
        "shown: the request without it."
    )
    assert warnings(page) == [said]
    assert not warnings(opened("ingest", by="Pairs", pair="NEW/USD", quote="CHF", tier="TIER1")), "both may be new ones"


def test_a_request_that_loses_a_limit_says_so(full: Path, opened: Opened) -> None:
    rubbish = {"most": "-5", "workers": "9999", "api": "maybe", "download": "Perhaps", "by": "Pairs"}
    said = (
        "api=maybe, download=Perhaps, most=-5, workers=9999 are not possible, and ignored; "
        "shown: the request without it."
    )
    assert warnings(opened("ingest", **rubbish)) == [said]
    right = {"most": "0", "workers": "256", "api": "false", "download": "No", "by": "Tiers", "stop": ""}
    assert not warnings(opened("ingest", **right))


def test_a_filter_of_jobs_that_is_none_is_named(full: Path, opened: Opened) -> None:
    said = "TIER9 is not in this home; status=XX, show=Nope are not possible, and ignored; shown: "
    [warning] = warnings(opened("jobs", status=["XX", "failed"], show="Nope", of_tier="TIER9"))
    assert warning.startswith(said)
    assert not warnings(opened("jobs", status="completed", show="Events"))
