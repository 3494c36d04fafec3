"""Arguments of the Python face that are of another type than declared: each is refused by its name, or works."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError, UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench import requests

NEVER = (object(), b"BTC/USD", math.nan, {1, 2.5}, pd.NaT, np.datetime64("2024-03-28"), 1 + 2j)
SELDOM: tuple[Any, ...] = (
    *(None, 1, 0, -1, 1.5, 60.0, 10**30, True, "", "x", "BTC/USD", "2026-13-01", "\0", [], ["BTC/USD"], {}, {"a": 1}),
    *(("BTC/USD", 60), date(2024, 3, 28), datetime(2024, 3, 28), datetime(2024, 3, 28, tzinfo=UTC), np.int64(60)),  # noqa: DTZ001
    *(np.float64(1.5), np.str_("BTC/USD"), pd.Timestamp("2024-03-28"), pd.Timestamp("2024-03-28", tz="Asia/Tokyo")),
    *(
        pd.Series([60]),
        np.array([60, 1440]),
        pd.DataFrame({"a": [1, 2]}),
        Path("x"),
        TimeRange(0, 1),
        (n for n in "ab"),
    ),
)
AS_ANY_TYPE = ("bool", "Progress", "Callable", "RetryBudget", "JobOrigin")  # true or false of whatever is given
CHANGING = ("create_home", "exchange", "open_exchanges", "import_assetprice", "update_funding_rates")
KEYWORDS = {  # what methods take that hand them on
    "plan": requests.ingest_request,
    "request": requests.ingest_request,
    "backfill_request": requests.backfill_request,
    "audit_request": requests.audit_request,
    "audit": requests.audit_request,
}


def parameters(name: str, method: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """Those of a method by their names, those of its selection included; but for what may be of any type."""
    for each in inspect.signature(method).parameters.values():
        if each.kind is each.VAR_KEYWORD:
            taking = KEYWORDS.get(name, requests.selection)
            yield from parameters("", taking)
        elif each.name not in {"self", "home", "tiers_known", "names"} and not each.annotation.startswith(AS_ANY_TYPE):
            yield each


CASES = [
    pytest.param(name, parameter.name, id=f"{name}({parameter.name})")
    for name, method in inspect.getmembers(Workbench, inspect.isfunction)
    if not name.startswith("_") and name not in CHANGING and name not in {"query", "start", "create"}
    for parameter in parameters(name, method)
]


@pytest.fixture(scope="module")
def workbench(full_home: Path) -> Iterator[Workbench]:
    with Workbench.open(full_home, read_only=True) as opened:
        yield opened


def needed(workbench: Workbench, folder: Path) -> dict[str, Any]:
    """Right values, by the names of parameters that have no default."""
    pair = workbench.pair("BTC/USD")
    values = {"pair": "BTC/USD", "interval": 60, "query": "select 1", "folder": folder, "selection": workbench.select()}
    values |= {"start": "2024-03-28", "end": "2024-03-29", "at": "2024-03-28", "at_most": 3, "most": 3, "job_id": 10**6}
    values |= {
        "span": TimeRange(0, 86_400),
        "series": Series(pair, 60),
        "to": str(folder),
        "kind": "time",
        "size": "1h",
    }
    return values | {"plan": None}


def attempt(workbench: Workbench, folder: Path, name: str, wrong: str, value: object) -> KrakenError | None:
    method = getattr(workbench, name)
    right = needed(workbench, folder)
    given = {
        each.name: right[each.name]
        for each in inspect.signature(method).parameters.values()
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD and each.name != wrong
    }
    try:
        method(**given, **{wrong: value})
    except KrakenError as error:
        return error
    return None


def follows_a_plan(name: str, wrong: str) -> bool:
    """Whether an argument is looked at behind a plan only: that is refused first, as there is none here."""
    return name in {"run", "run_detached"} and wrong != "plan"


@pytest.mark.parametrize(("name", "wrong"), [case for case in CASES if not follows_a_plan(*map(str, case.values))])
def test_an_argument_of_no_type_it_may_be_is_refused_by_its_name(
    workbench: Workbench, tmp_path: Path, name: str, wrong: str
) -> None:
    for value in NEVER:
        error = attempt(workbench, tmp_path, name, wrong, value)
        assert isinstance(error, UsageError), value
        assert str(error).startswith(f"{wrong} is "), value
        assert f"such as {wrong}=" in str(error)
        assert "\n" not in str(error)


@pytest.mark.parametrize(("name", "wrong"), CASES)
def test_whatever_is_given_works_or_is_refused_with_a_reason(
    workbench: Workbench, tmp_path: Path, name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other exception would fail here."""
    monkeypatch.chdir(tmp_path)  # a text may be the name of a folder to write to
    for number, value in enumerate(SELDOM):
        if wrong == "to" and name == "copy":
            continue  # any text names a table, which would be made
        error = attempt(workbench, tmp_path / str(number), name, wrong, value)
        assert error is None or str(error)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pairs": "BTC/USD"}, "pairs is 'BTC/USD': it takes a list of pairs, such as pairs=[\"BTC/USD\"]."),
        ({"intervals": 60}, 'intervals is 60: it takes a list of intervals, such as intervals=[60, "1d"].'),
        ({"tiers": None}, 'tiers is None: it takes a list of texts, such as tiers=["TIER1", "TIER2"].'),
        ({"tier": 1}, 'tier is 1: it takes a text, such as tier="TIER1".'),
        (
            {"start_date": 1_711_756_800_000},
            (
                "start_date is 1711756800000: it takes a date, a time, or whole seconds since 1970, such as "
                'start_date="2024-01-31".'
            ),
        ),
    ],
)
def test_a_refusal_says_what_the_argument_takes(workbench: Workbench, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        workbench.completeness(**given)
    assert str(refused.value) == said


def test_numbers_and_times_of_other_libraries_are_taken(workbench: Workbench) -> None:
    plain = workbench.candles("BTC/USD", 60, "2024-03-28", "2024-03-29")
    interval: Any = np.int32(60)
    end: Any = np.int64(1_711_670_400)
    start = pd.Timestamp("2024-03-28", tz="UTC")
    assert workbench.candles(np.str_("BTC/USD"), interval, start, end).equals(plain)
    assert workbench.select(intervals=np.array([60, 1440])).intervals == (60, 1440)


@pytest.mark.parametrize("home", [1, b"x", object()])
def test_a_home_is_a_path(home: Any) -> None:
    with pytest.raises(UsageError, match=r"home is .*: it takes a path, such as home="):
        Workbench.open(home)
