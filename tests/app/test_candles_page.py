from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from app.shared import formatting
from kraken_core import Workbench
from kraken_core.cli.main import run
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from tests.app.conftest import Opened, figures
from tests.support.command_line import asked
from tests.support.doubted import doubt
from tests.support.little_market import LittleMarket


def test_an_empty_home_says_what_to_do(opened: Opened) -> None:
    page = opened("candles")
    assert "Nothing is stored" in page.info[0].value
    assert page.get("page_link")[0].proto.page == "ingest"


def test_a_series_is_shown_with_its_figures(full: Path, opened: Opened) -> None:
    shown = opened("candles", pair="BTC/USD", interval="1d")
    with Workbench.open(full) as workbench:
        held = workbench.candles("BTC/USD", 1440)
        missing = workbench.gaps(pairs=["BTC/USD"], intervals=[1440])
    told = figures(shown)
    assert told["Candles"] == str(len(held))
    assert [told["First (UTC)"], told["Last (UTC)"]] == [f"{held.index[at]:%Y-%m-%d %H:%M}" for at in (0, -1)]
    assert told["Missing"] == str(missing["candles"].sum())
    assert "a bar is a candle." in " ".join(each.value for each in shown.caption)
    assert "candlestick" in shown.get("plotly_chart")[0].proto.spec


def test_a_pair_without_hours_is_shown_at_first_at_the_finest_interval_expected(
    little: LittleMarket, home: Path, opened: Opened
) -> None:
    assert run([*asked(little.folder, "--intervals", "1d,12h"), "--home", str(home), "--quiet"]) == 0
    shown = opened("candles", pair="BTC/USD")
    assert shown.session_state["interval"] == 720
    assert figures(shown)["Candles"] != "0"


def test_the_python_shown_reads_what_is_drawn(full: Path, opened: Opened) -> None:
    window = {"start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    shown = opened("candles", pair="BTC/USD", interval="1h", **window)
    python, sql = (each.value for each in shown.code)
    names: dict[str, pd.DataFrame] = {}
    exec(python, names)  # noqa: S102 - what the page tells people to run
    assert len(names["candles"]) == 24
    with Workbench.open(full) as workbench:
        assert list(workbench.sql(sql)["close"]) == list(names["candles"]["close"])


@pytest.mark.parametrize("pair", ["'; drop table candles; --", "<script>alert(1)</script>", "[x](http://x)"])
def test_a_pair_that_is_none_of_those_known_is_not_taken_from_the_url(full: Path, opened: Opened, pair: str) -> None:
    shown = opened("candles", pair=pair)
    assert shown.selectbox[0].value == "BTC/USD"
    assert not shown.error


def test_candles_are_handed_out_as_files(full: Path, opened: Opened) -> None:
    shown = opened("candles", pair="BTC/USD", interval="1d")
    assert [each.proto.label for each in shown.get("download_button")] == ["Candles as csv", "Candles as parquet"]


def test_revisions_of_candles_are_listed_where_they_are_asked_for(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        workbench.undo(workbench.jobs()[0].id)
        asked = {"pairs": ["BTC/USD"], "start_date": "2024-03-27", "as_of": "2024-04-07", "api_backfill": False}
        workbench.run(workbench.plan(sources=[], **asked))
        before = workbench.revisions("BTC/USD", 1440)
    assert len(before)

    shown = opened("candles", pair="BTC/USD", interval="1d", revisions="true")

    listed = shown.dataframe[-1].value
    assert sorted(listed["Candle (UTC)"]) == sorted(f"{at:%Y-%m-%d %H:%M}" for at in before["time"])
    assert sorted(listed["Close"]) == sorted(before["close"])
    assert "had other values, or was taken away" in " ".join(each.value for each in shown.caption)


def test_where_nothing_was_replaced_revisions_say_so(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        assert workbench.revisions("BTC/USD", 1).empty
    shown = opened("candles", pair="BTC/USD", interval="1m", revisions="true")
    assert "No candle of this window was ever replaced" in " ".join(each.value for each in shown.caption)


@pytest.mark.parametrize(("label", "days"), [("1D", 1), ("1W", 7)])
def test_a_quick_range_is_the_last_of_what_is_stored(full: Path, opened: Opened, label: str, days: int) -> None:
    shown = opened("candles", pair="BTC/USD", interval=formatting.interval(60))
    with Workbench.open(full) as workbench:
        end = workbench.coverage(pairs=["BTC/USD"], intervals=[60])["end"].max()
    closer = next(each for each in shown.button if each.label == label).click().run()
    assert closer.query_params["end"] == f"{end:%Y-%m-%dT%H:%M}"
    assert closer.query_params["start"] == f"{end - pd.Timedelta(days=days):%Y-%m-%dT%H:%M}"


def test_typed_days_are_shown_whole(full: Path, opened: Opened) -> None:
    shown = opened("candles", pair="BTC/USD", interval=formatting.interval(60))
    first, last = shown.date_input
    first.set_value(date(2024, 3, 29))
    last.set_value(date(2024, 3, 30)).run()
    closer = next(each for each in shown.button if each.label == "Show these days").click().run()
    assert (closer.query_params["start"], closer.query_params["end"]) == ("2024-03-29T00:00", "2024-03-31T00:00")


def test_what_is_missing_leads_to_its_backfill_and_the_series_to_its_page(full: Path, opened: Opened) -> None:
    shown = opened("candles", pair="BTC/USD", interval=formatting.interval(60))
    with Workbench.open(full) as workbench:
        missing = workbench.gaps(pairs=["BTC/USD"], intervals=[60])["candles"].sum()
    links = {each.proto.label: each.proto.page for each in shown.get("page_link")}
    assert links[f"Backfill {missing:,} missing candles"] == "gaps"
    assert links[formatting.series_name(Series(Pair("BTC", "USD"), 60))] == "series"


HOURS = Series(Pair("BTC", "USD"), 60)


def test_what_is_doubtful_of_a_window_is_counted_drawn_and_listed_as_coverage_has_it(
    full: Path, opened: Opened
) -> None:
    window = {"pair": "BTC/USD", "interval": "1h", "start": "2024-03-30T00:00", "end": "2024-03-31T00:00"}
    start = 1_711_756_800  # 2024-03-30
    with Workbench.open(full) as workbench:
        doubt(workbench, HOURS, TimeRanges.of([(start - 3_600, start + 7_200), (start + 36_000, start + 39_600)]))
    shown = opened("candles", **window)
    assert figures(shown)["Doubtful"] == figures(opened("coverage", **window))["Doubtful"] == "3"
    traces = {trace["name"]: trace for trace in json.loads(shown.get("plotly_chart")[0].proto.spec)["data"]}
    assert traces["doubtful"]["x"] == [start * 1000, (start + 36_000) * 1000]
    assert list(shown.dataframe[0].value["Doubtful"]) == [1, 1, *[0] * 8, 1, *[0] * 13]
    assert "Doubtful spans are drawn at least" in " ".join(each.value for each in shown.caption)


def test_a_candle_that_no_source_covers_is_counted_as_provisional_alone(full: Path, opened: Opened) -> None:
    assert "Provisional" not in figures(opened("candles", pair="BTC/USD", interval="1h"))
    with Workbench.open(full) as workbench:
        first, *others = workbench.ledger.coverage([HOURS])
        workbench.ledger.replace_coverage(
            {HOURS: [first._replace(start=first.start + 7_200, candles=first.candles - 2), *others]}
        )
        [line] = workbench.holdings.report(workbench.select(pairs=["BTC/USD"], intervals=[60])).series
    counted = figures(opened("candles", pair="BTC/USD", interval="1h"))
    assert counted["Candles"] == figures(opened("series", pair="BTC/USD", interval="1h"))["Candles"]
    assert (counted["Candles"], counted["Provisional"]) == (f"{line.counts.present:,}", "2")


def test_the_chart_has_a_table_behind_it(full: Path, opened: Opened) -> None:
    shown = opened("candles", pair="BTC/USD", interval=formatting.interval(1440))
    with Workbench.open(full) as workbench:
        candles = workbench.candles("BTC/USD", 1440)
    assert list(shown.dataframe[0].value["Close"]) == list(candles["close"])


@pytest.mark.parametrize("pair", ["BTC/USD", "PEPE/USD"])
def test_the_table_has_every_digit_of_prices_and_volumes(full: Path, opened: Opened, pair: str) -> None:
    table = opened("candles", pair=pair, interval="1h").dataframe[0]
    forms = json.loads(table.proto.columns)
    for name in ("Open", "High", "Low", "Close", "Volume"):
        form = forms[name]["type_config"]["format"]
        assert [float(form % value) for value in table.value[name]] == list(table.value[name]), name
