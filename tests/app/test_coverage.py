from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from kraken_core import Workbench
from kraken_core.domain.grades import Grade
from tests.app.conftest import Opened, figures


def rows(shown: AppTest) -> list[str]:
    """The rows of the page's timeline."""
    [chart] = shown.get("plotly_chart")
    names: list[str] = json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"]
    return names


def test_an_empty_home_says_what_to_do(opened: Opened) -> None:
    assert "Ingest" in opened("coverage").info[0].value


def test_a_selection_without_anything_says_so(full: Path, opened: Opened) -> None:
    shown = opened("coverage", **{"from": "2024-04-20"})
    assert "widen the filters" in shown.info[0].value


def test_the_figures_are_those_of_the_whole_selection_in_the_window(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        overall = workbench.holdings.report(workbench.select()).overall
    told = figures(opened("coverage"))
    assert told["Slots known"] == f"{overall.covered:,}"
    assert told["Slots missing"] == f"{overall.missing:,}"
    assert told["Slots doubtful"] == f"{overall.doubtful:,}"
    assert told["Known"] == f"{100 * overall.completeness:.2f} %"
    day = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    told = figures(opened("coverage", pair="BTC/USD", interval=["1h"], **day))
    assert [told["Known"], told["Slots known"], told["Series"]] == ["100 %", "24", "1"]


def test_series_come_a_page_at_a_time(full: Path, opened: Opened) -> None:
    first, second = opened("coverage"), opened("coverage", page="2")
    assert "40 series, 25 a page" in {each.value for each in first.caption}
    assert len(rows(first)) == 25
    assert rows(second)[-1] == "UNI/USD 1d"
    assert not set(rows(first)) & set(rows(second))


def test_the_url_says_what_is_looked_at(full: Path, opened: Opened) -> None:
    shown = opened("coverage", pair="BTC/USD", interval=["1h"], start="2024-03-30T00:00", end="2024-03-31T00:00")
    assert any("2024-03-30 00:00 UTC – 2024-03-31 00:00 UTC" in each.value for each in shown.caption)
    assert rows(shown) == ["BTC/USD 1h"]


def test_buttons_move_the_window_and_the_url_follows(full: Path, opened: Opened) -> None:
    shown = opened("coverage", pair="BTC/USD", start="2024-03-30T00:00", end="2024-03-31T00:00")
    later = next(button for button in shown.button if button.label == "Later").click().run()
    assert later.query_params["start"] == "2024-03-30T12:00"
    everything = next(button for button in later.button if button.label == "All").click().run()
    assert "start" not in everything.query_params


def test_the_evidence_can_be_seen_with_what_each_grade_means(full: Path, opened: Opened) -> None:
    shown = opened("coverage", colours="Evidence")
    [chart] = shown.get("plotly_chart")
    legend = {trace["name"] for trace in json.loads(chart.proto.spec)["data"]}
    assert {"confirmed", "missing"} <= legend <= {*Grade, "partly missing", "missing"}
    said = " ".join(each.value for each in shown.caption)
    assert all(f"**{grade}**" in said for grade in Grade)


def test_nonsense_in_the_url_is_no_error(full: Path, opened: Opened) -> None:
    shown = opened("coverage", start="yesterday", end="<script>")
    assert not shown.error
    assert len(shown.get("plotly_chart")) == 1
