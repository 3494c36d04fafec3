"""The overview: its figures are the report's, and what needs attention comes first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.overview.attention import matters
from app.overview.summary import OpenGaps, Summary
from app.shared.formatting import plain
from kraken_core import Workbench
from kraken_core.domain.gaps import Route
from kraken_core.domain.grades import Grade
from kraken_core.domain.report import Completeness
from kraken_core.workbench.figures.completeness import completeness_heatmap
from tests.app.conftest import Opened, figures
from tests.app.test_ingest import press

COMPLETE = Summary(0, Completeness(10, 10, 8), {}, {60: 1_000_000}, {}, {}, 0, [])


def test_an_empty_home_leads_a_newcomer_to_a_market_that_can_be_tried(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRAKEN_API_URL")  # which would mix it with another one
    page = press(opened(), "Try the simulated market")
    assert "The archives of the simulated market are there" in " ".join(each.value for each in page.markdown)
    assert page.query_params["market"] == "Simulated"
    assert (home / "simulated" / "home" / "kraken.toml").exists()
    assert not (home / "ledger.db").exists(), "nothing of it is in the real home"


def test_the_figures_are_those_of_the_report(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        overall = workbench.holdings.report(workbench.select()).overall
    told = figures(opened())
    assert told["Missing"] == f"{overall.missing:,}"
    assert told["Candles"] == f"{overall.present:,}"
    assert told["Completeness"] == f"{100 * overall.completeness:.2f} %"


def test_the_bar_of_evidence_is_the_reports_and_shows_every_grade_there_is(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        overall = workbench.holdings.report(workbench.select()).overall
    bar, *_ = opened().get("plotly_chart")
    traces = json.loads(bar.proto.spec)["data"]
    shown = {trace["name"].split()[0].lower(): trace["x"] for trace in traces}
    assert shown == {grade: [slots] for grade in Grade if (slots := getattr(overall, grade))}


def test_nothing_needs_attention_where_all_is_held() -> None:
    assert matters([], COMPLETE, 1_000_100) == []


def test_what_can_be_filled_comes_before_what_has_to_be_fetched_by_hand() -> None:
    found = COMPLETE._replace(
        routes={Route.NONE: OpenGaps(3, 40), Route.DERIVE: OpenGaps(2, 5)},
        archives={"Q1.zip": OpenGaps(2, 30), "Full.zip": OpenGaps(2, 31)},
        lost=1,
    )
    said = [matter.text for matter in matters([], found, 1_000_000 + 3 * 86_400)]
    assert said == [
        "2 gaps (up to 5 slots) can be filled from here.",
        "Download Full.zip to fill up to 31 missing candles.",
        "Download Q1.zip to fill up to 30 missing candles.",
        "1 gap cannot be filled by anything that is known.",
        "What is held ends 3 d before now.",
    ]


def test_pairs_of_which_nothing_is_stored_come_first_with_the_reason() -> None:
    nothing = {f"A{n}/USD": f"no source contains A{n}/USD" for n in range(5)}
    found = COMPLETE._replace(nothing=nothing, routes={Route.TRADES: OpenGaps(5, 50)})
    said = [(matter.text, matter.filters) for matter in matters([], found, 1_000_100)]
    assert said[0] == ("Nothing is stored of A0/USD: no source contains A0/USD", {"pair": "A0/USD"})
    assert said[3:] == [
        ("Nothing is stored of 2 other pairs either.", {}),
        ("5 gaps (up to 50 slots) can be filled from here.", {}),
    ]


def test_a_pair_that_no_source_holds_is_on_the_overview(home: Path, full: Path, opened: Opened) -> None:
    with Workbench.open(full) as wb:
        wanted = {"start_date": "2024-03-28", "as_of": "2024-04-02", "api_backfill": False}
        wb.run(wb.plan(pairs=["SOL/USD"], intervals=[60], **wanted))
    shown = " ".join(each.value for each in opened().markdown)
    assert plain("Nothing is stored of SOL/USD: no source contains SOL/USD") in shown


def test_the_heatmap_leaves_empty_what_is_not_wanted() -> None:
    cells = {("TIER1", 60): Completeness(4, 1, 1), ("TIER2", 1440): Completeness(2, 2, 0)}
    figure = completeness_heatmap(cells, ["TIER1", "TIER2", "TIER3"])
    [heatmap] = figure.data
    assert heatmap.y == ("TIER1", "TIER2")
    assert list(heatmap.z) == [[0.25, None], [None, 1.0]]
    assert list(heatmap.text) == [["25 %", ""], ["", "100 %"]]
