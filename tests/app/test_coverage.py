from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.shared import formatting
from app.shared.paging import TIMELINES
from kraken_core import Workbench
from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from tests.app.conftest import Opened, figures
from tests.support.doubted import doubt
from tests.support.little_market import BTC_EUR


def rows(shown: AppTest) -> list[str]:
    """The rows of the page's timeline."""
    [chart] = shown.get("plotly_chart")
    names: list[str] = json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"]
    return names


def test_an_empty_home_says_what_to_do(opened: Opened) -> None:
    page = opened("coverage")
    assert "Nothing is stored" in page.info[0].value
    [ingest] = page.main.get("page_link")
    assert ingest.proto.page == "ingest"


def test_a_selection_without_anything_says_so(full: Path, opened: Opened) -> None:
    shown = opened("coverage", **{"from": "2024-04-20"})
    assert "widen the filters" in shown.info[0].value


def test_the_figures_are_those_of_the_whole_selection_in_the_window(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        overall = workbench.holdings.report(workbench.select()).overall
    told = figures(opened("coverage"))
    assert told["Covered"] == f"{overall.covered:,}"
    assert told["Missing"] == f"{overall.missing:,}"
    assert told["Doubtful"] == f"{overall.doubtful:,}"
    assert told["Candles expected"] == f"{overall.wanted:,}"
    day = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    told = figures(opened("coverage", pair="BTC/USD", interval=["1h"], **day))
    assert [told["Complete series"], told["Covered"]] == ["1 of 1", "24"]


def test_the_table_calls_a_series_as_complete_as_the_report_does(full: Path, opened: Opened) -> None:
    series = Series(BTC_EUR, 60)
    with Workbench.open(full) as workbench:
        start = workbench.ledger.coverage([series])[0].start
        doubt(workbench, series, TimeRanges.single(start, start + 7 * series.width))
        [line] = workbench.holdings.report(workbench.select(pairs=["BTC/EUR"], intervals=[60])).series
    [row] = opened("coverage", pair="BTC/EUR", interval=["1h"]).dataframe[0].value.to_dict("records")
    assert line.counts.doubtful == 7
    assert (row["Complete"], row["Doubtful"]) == (percent(line.counts.completeness), "7")


def test_why_a_stretch_is_doubtful_is_what_explains_its_slots(full: Path) -> None:
    series, hour = Series(BTC_EUR, 60), 3_600
    with Workbench.open(full) as workbench:
        start = workbench.ledger.coverage([series])[0].start
        doubtful = TimeRanges.single(start + hour, start + 3 * hour)
        doubt(workbench, series, doubtful)
        silence = Doubt(start + hour, start + 3 * hour, "no trades where about 9 were to be expected")
        workbench.ledger.record_findings({series: Findings(doubts=(silence,))}, {}, 0)
        found = workbench.charts.doubts(series, TimeRange(start, start + 24 * hour))
        assert (found.slots, found.reasons) == (2, workbench.explain(series.pair, 60, start + hour).doubts)
        assert "9 were to be expected" in found.reasons[0]
        assert workbench.charts.doubts(series, TimeRange(start + 3 * hour, start + 24 * hour)) == (0, ())


def test_series_come_a_page_at_a_time(full: Path, opened: Opened) -> None:
    first, second = opened("coverage"), opened("coverage", page="2")
    assert "40 series, 20 a page" in {each.value for each in first.caption}
    assert len(rows(first)) == len(rows(second)) == 20, "no page has a single row left over"
    assert not set(rows(first)) & set(rows(second))


def test_the_least_complete_series_come_first_unless_names_do(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        worst = [formatting.series_name(line.series) for line in workbench.holdings.report(workbench.select()).worst]
    assert rows(opened("coverage"))[: len(worst)] == worst[:20]
    assert rows(opened("coverage", order="By name"))[0] == formatting.series_name(Series(BTC_EUR, 1))


def test_only_what_is_incomplete_is_shown_where_that_is_chosen(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        worst = [formatting.series_name(line.series) for line in workbench.holdings.report(workbench.select()).worst]
    assert rows(opened("coverage", order="Only incomplete")) == worst[: -(-len(worst) // -(-len(worst) // TIMELINES))]
    day = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00", "order": "Only incomplete"}
    complete = opened("coverage", pair="BTC/USD", interval=[formatting.interval(60)], **day)
    assert "complete here" in complete.success[0].value


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
    assert {"confirmed", "missing"} <= legend <= {*Grade, "missing"}
    said = " ".join(each.value for each in shown.caption)
    assert all(f"**{grade}**" in said for grade in Grade)


def test_nonsense_in_the_url_is_no_error(full: Path, opened: Opened) -> None:
    shown = opened("coverage", start="yesterday", end="<script>")
    assert not shown.error
    assert len(shown.get("plotly_chart")) == 1
