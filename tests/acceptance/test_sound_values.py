"""Values as users see them checked: by verify, as a table, as flags, in SQL; and incidents and conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.schemas.documents import DOCUMENTS
from kraken_core.workbench.schemas.rows import closed
from tests.acceptance.known_histories import SetClock, opened
from tests.acceptance.lying_archives import ASLEEP, minutes
from tests.support.command_line import Kraken, refused, tree
from tests.support.helping import written
from tests.support.little_market import BTC_USD
from tests.support.strategies import FIRST_DAY

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

HOURS = Series(BTC_USD, 60)
WICK = pd.Timestamp("2024-03-30T12:00", tz="UTC")
VALUES = ("outliers", "quotes", "extremes", "volumes", "stuck", "decimal shifts", "redenominations")


@pytest.fixture
def spiked(full: Kraken) -> Kraken:
    """The full home, whose BTC/USD has one hour of twice the price, which none of its minutes has."""
    at = int(WICK.timestamp())
    with Workbench.open(full.home) as workbench:
        hour = workbench.store.candles({HOURS: TimeRanges.single(at, at + 3600)})
        spike = hour.with_columns(pl.col("high") * 2, rank=pl.lit(rank_of(Source.TRADES)))
        workbench.store.commit([workbench.store.stage(spike)])
    return full


def conform(name: str, document: Any) -> None:
    """The document has what its published schema describes."""
    (schema,) = (each.schema for each in DOCUMENTS if each.name == name)
    from jsonschema import Draft202012Validator  # takes more than a second to load

    Draft202012Validator(closed(schema)).validate(document)


def checks(kraken: Kraken, code: int) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in kraken("verify", "--json", "--report-only", code=code).json["checks"]}


def test_clean_archives_have_no_findings_in_any_check_on_values(full: Kraken) -> None:
    found = checks(full, code=0)
    assert {name: (found[name]["failed"], found[name]["examples"]) for name in VALUES} == dict.fromkeys(VALUES, (0, []))
    assert all(found[name]["checked"] > 100 for name in VALUES)


def test_verify_reports_a_spike_with_what_was_expected_and_fails_only_for_what_disagrees(spiked: Kraken) -> None:
    before = tree(spiked.home / "candles")
    found = checks(spiked, code=1)
    assert {name for name, check in found.items() if check["failed"]} == {"agreement"}
    assert {name for name in VALUES if found[name]["examples"]} == {"outliers", "extremes"}
    (outlier,) = found["outliers"]["examples"]
    assert outlier.startswith("BTC/USD 1h [2024-03-30T12:00:00Z, 2024-03-30T13:00:00Z): ")
    assert "was expected (7 candles on each side)" in outlier
    assert tree(spiked.home / "candles") == before


def test_findings_are_a_table_rows_of_json_and_a_view(spiked: Kraken) -> None:
    with Workbench.open(spiked.home) as workbench:
        found = workbench.price_findings(pairs=["BTC/USD"])
        by_sql = workbench.sql(
            "select kind, count(*) n from price_findings where pair = 'BTC/USD' group by 1 order by 1"
        )
    assert found[["pair", "interval", "start", "kind"]].to_numpy().tolist() == [
        ["BTC/USD", 60, WICK, "extreme"],
        ["BTC/USD", 60, WICK, "outlier"],
    ]
    assert (found["stored"] > 1.9 * found["expected"]).all()
    assert by_sql.to_numpy().tolist() == [["extreme", 1], ["outlier", 1]]
    rows = spiked("price-findings", "--pairs", "BTC/USD", "--json").json
    assert [(row["start"], row["kind"]) for row in rows] == [("2024-03-30T12:00:00Z", k) for k in found["kind"]]
    conform("price-findings", rows)
    assert "outlier" in spiked("price-findings", "--pairs", "BTC/USD").out


def test_a_clean_pair_is_said_to_be_so(full: Kraken) -> None:
    assert full("price-findings", "--pairs", "BTC/EUR").out == "Nothing is odd about the values of the selection.\n"


def test_candles_have_their_findings_as_flags(spiked: Kraken) -> None:
    with Workbench.open(spiked.home) as workbench:
        hours = workbench.candles("BTC/USD", 60, flags=True)
        minutes_ = workbench.candles(["BTC/USD", "BTC/EUR"], 1, flags=True, to="polars")
        with pytest.raises(UsageError, match="an interval of the archives"):
            workbench.candles("BTC/USD", 120, flags=True)
    assert hours["flags"].dropna().to_dict() == {WICK: "extreme, outlier"}
    assert list(hours.columns)[-1] == "flags"
    assert minutes_["flags"].null_count() == minutes_.height > 1000


def test_large_pairs_are_read_in_pieces_and_found_the_same(spiked: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workbench.open(spiked.home) as workbench:
        whole = workbench.price_findings()
        monkeypatch.setattr("kraken_core.pipeline.pieces.CANDLES_AT_ONCE", 2000)
        assert workbench.price_findings().equals(whole)


def test_limits_are_settings(spiked: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_PRICE_OUTLIER", "1000")
    assert checks(spiked, code=1)["outliers"]["examples"] == []
    monkeypatch.setenv("KRAKEN_PRICE_OUTLIER", "none")
    assert "price_outlier" in refused(spiked("verify", code=2)).replace("PRICE_OUTLIER", "price_outlier")


@pytest.fixture(scope="module")
def slept(market: SimulatedMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of a market whose exchange stood still for two hours. Read only."""
    here = tmp_path_factory.mktemp("slept")
    asked = {"tier": "ALL", "start_date": FIRST_DAY, "api_backfill": False, "as_of": market.end}
    with opened(here / "home", SetClock(market.end)) as workbench:
        workbench.run(workbench.plan(sources=written(market, [minutes("all")], here), **asked))
    return here / "home"


def test_an_incident_is_a_dated_span_with_the_pairs_it_concerned(slept: Path) -> None:
    with Workbench.open(slept) as workbench:
        (incident,) = workbench.incidents().to_dict("records")
        by_sql = workbench.sql("select source, share from incidents").to_numpy().tolist()
    start, end = (pd.Timestamp(at, unit="s", tz="UTC") for at in ASLEEP)
    assert incident["start"] <= start < end <= incident["end"]
    assert incident["end"] - incident["start"] < end - start + pd.Timedelta(minutes=20)
    assert (incident["pairs"], incident["of_pairs"], incident["share"], incident["source"]) == (4, 4, 1.0, "observed")
    assert by_sql == [["observed", 1.0]]


def test_a_known_incident_is_one_only_where_most_stored_pairs_had_no_trades(
    slept: Path, full_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, busy = (TimeRanges.single(ASLEEP[0] + shift, ASLEEP[0] + shift + 3600) for shift in (1200, -86_400))
    monkeypatch.setattr("kraken_core.workbench.queries.incidents.KNOWN_SILENCES", quiet | busy)
    with Workbench.open(slept) as workbench:
        assert workbench.incidents()["source"].tolist() == ["observed"]  # which is the quiet one too
    hole = int(pd.Timestamp("2024-04-02T03:00", tz="UTC").timestamp())
    with Workbench.open(full_home) as workbench:
        monkeypatch.setattr(
            "kraken_core.workbench.queries.incidents.KNOWN_SILENCES", TimeRanges.single(hole, hole + 3600)
        )
        assert workbench.incidents().empty  # nothing is stored of it


def test_incidents_of_the_status_page_are_added_from_a_file(kraken: Kraken, slept: Path, tmp_path: Path) -> None:
    start = pd.Timestamp(ASLEEP[0], unit="s", tz="UTC")
    row = {
        "name": "Degraded trading",
        "impact": "major",
        "created_at": start.isoformat(),
        "updated_at": "2031-01-01T00:00:00Z",
    }
    page = {"page": {}, "incidents": [row | {"resolved_at": (start + pd.Timedelta(hours=1)).isoformat()}]}
    file = tmp_path / "incidents.json"
    file.write_text(json.dumps(page), encoding="utf-8")
    with Workbench.open(slept) as workbench:
        found = workbench.incidents(file)
    reported = found[found["source"] == "status page"].to_dict("records")
    assert [(each["name"], each["impact"], each["start"], each["pairs"]) for each in reported] == [
        ("Degraded trading", "major", start, 4)
    ]
    assert len(found) == 2
    conform("incidents", kraken("incidents", "--home", slept, "--status-file", file, "--json").json)


@pytest.mark.parametrize("text", ["[]", "{}", "no json", '{"incidents": [{"name": "x", "created_at": "yesterday"}]}'])
def test_a_file_that_is_no_status_page_is_refused(kraken: Kraken, tmp_path: Path, text: str) -> None:
    file = tmp_path / "incidents.json"
    file.write_text(text, encoding="utf-8")
    assert "incidents.json is no history of a status page" in refused(
        kraken("incidents", "--status-file", file, code=2)
    )
    assert "cannot be read" in refused(kraken("incidents", "--status-file", tmp_path / "none.json", code=2))


def test_conditions_of_days_follow_from_what_is_missing(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        found = workbench.conditions("BTC/USD", 60)
        report = workbench.completeness(pairs=["BTC/USD"], intervals=[60]).iloc[0]
        by_sql = workbench.sql(
            "select condition, count(*) from conditions where pair = 'BTC/USD' and interval_minutes = 60 group by 1"
        )
    by_day = found.set_index(found["day"].dt.strftime("%m-%d"))["condition"]
    assert by_day["03-28"] == "available"
    assert set(by_day["04-01":"04-02"]) == {"missing"}  # the hole between both releases
    assert by_day["04-06"] == "missing"
    assert (found["expected"].sum(), found["missing"].sum()) == (report["wanted"], report["missing"])
    assert dict(by_sql.to_numpy().tolist()) == found["condition"].value_counts().to_dict()


def test_the_calendar_has_a_bar_for_each_run_of_days_of_one_condition(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        figure = workbench.plot.conditions(pairs=["BTC/USD"])
        found = workbench.conditions("BTC/USD")
    drawn = {trace.name: list(trace.hovertext if trace.hovertext is not None else []) for trace in figure.data}
    assert set(drawn) == {"available", "degraded", "missing", "pending"}
    available = (found["condition"] == "available").sum()
    assert f"{available:,} of {len(found):,} days available" in figure.layout.title.text
    assert {trace.name for trace in figure.data if trace.visible is True} == set(found["condition"])
