"""Figures: from data alone; tests/app/test_marks.py says how much of it."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import polars as pl
import pytest

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.coverage import CoverageSource
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.workbench.charts.bins import Bins
from kraken_core.workbench.charts.candle_chart import Drawn
from kraken_core.workbench.charts.missing import MissingByBin
from kraken_core.workbench.charts.timeline import Known, Stretch, Timeline
from kraken_core.workbench.figures.candles import candle_chart
from kraken_core.workbench.figures.evidence import evidence_bar
from kraken_core.workbench.figures.intervals import EVIDENCE as BY_GRADE
from kraken_core.workbench.figures.intervals import CompletenessBar, completeness_bars
from kraken_core.workbench.figures.marks import STEPS
from kraken_core.workbench.figures.missing import missing_heatmap
from kraken_core.workbench.figures.palette import DOWN, GRADES, MISSING, PRESENT, SILENT, SOURCES, UNWANTED, UP
from kraken_core.workbench.figures.timeline import EVIDENCE, KNOWN, SOURCE, Colouring, coverage_timeline

HOUR = 3_600
WINDOW = TimeRange(0, 100 * HOUR)
BTC, HOSTILE = Series(Pair("BTC", "USD"), 60), Series(Pair("<b>X", "&amp;"), 60)
STRETCHES = (
    Stretch(0, 0, 5 * HOUR, Known.PRESENT, CoverageSource.CSV, 5, 0, Grade.CONFIRMED),
    Stretch(0, 5 * HOUR, 6 * HOUR, Known.SILENT, CoverageSource.API, 0, 0, Grade.PROVED, 1),
    Stretch(0, 6 * HOUR, 8 * HOUR, Known.SILENT, CoverageSource.CSV, 0, 0, None, 2, doubtful=2),
    Stretch(0, 8 * HOUR, 14 * HOUR, Known.PARTLY, CoverageSource.CSV, 1, 3, Grade.CLAIMED, 2),
    Stretch(1, 0, 9 * HOUR, Known.MISSING, None, 0, 9),
)
TIMELINE = Timeline((BTC, HOSTILE), WINDOW, HOUR, STRETCHES)


def test_a_step_is_as_high_in_each_colour_as_its_share_from_the_bottom_up() -> None:
    bars: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
    for trace in coverage_timeline(TIMELINE).data:
        for y, width, (row, start, _) in zip(trace.y, trace.width, trace.customdata, strict=True):
            bars.setdefault((row, start), []).append((round(y + width / 2, 3), width, trace.name))
    assert set(bars) == {(s.row, s.start) for s in STRETCHES}
    assert all(sum(width for _, width, _ in parts) == pytest.approx(0.7, abs=1e-3) for parts in bars.values())
    mixed = sorted(bars[0, 8 * HOUR], reverse=True)
    assert [name for _, _, name in mixed] == ["present", "no trades", "missing"]
    assert [width for _, width, _ in mixed] == pytest.approx([0.7 / 6, 0.7 / 3, 0.35], abs=1e-3)
    assert mixed[0][0] == pytest.approx(0.35, abs=1e-3), "the lowest lies on the bottom of its row"


def test_a_timeline_has_its_bars_where_its_stretches_lie() -> None:
    bars = {
        (row, base, x)
        for trace in coverage_timeline(TIMELINE).data
        for (row, _, _), base, x in zip(trace.customdata, trace.base, trace.x, strict=True)
    }
    assert bars == {(s.row, s.start * 1000, (s.end - s.start) * 1000) for s in STRETCHES}


@pytest.mark.parametrize(
    ("colouring", "colours"),
    [
        (KNOWN, {"present", "no trades", "doubtful", "missing"}),
        (EVIDENCE, {"confirmed", "proved", "claimed", "doubtful", "missing"}),
        (SOURCE, {"CSV", "API", "missing"}),
    ],
)
def test_a_timeline_is_coloured_by_what_is_stored_by_evidence_or_by_source(
    colouring: Colouring, colours: set[str]
) -> None:
    figure = coverage_timeline(TIMELINE, colouring)
    assert {trace.name for trace in figure.data} == colours
    of = {trace.name: trace.marker.color for trace in figure.data}
    assert of["missing"] == MISSING
    assert of.get("no trades", SILENT) == SILENT
    assert of.get("API", SOURCES["API"]) == SOURCES["API"]
    assert figure.layout.showlegend


def test_a_bar_of_an_interval_adds_up_to_what_is_expected_of_it() -> None:
    rows = [CompletenessBar("1d", Completeness(100, 80, 50)), CompletenessBar("1m", Completeness(4, 4, 4))]
    figure = completeness_bars(rows)
    shares = {trace.name: list(trace.x) for trace in figure.data}
    assert shares == {"present": [0.5, 1], "no trades": [0.3, 0], "doubtful": [0, 0], "missing": [0.2, 0]}
    assert [each.text for each in figure.layout.annotations] == ["<b>80.00 %</b>", "<b>100 %</b>"]
    assert figure.data[3].hovertext[0] == "1d missing: 20 of 100, 20.00 %"
    evidence = completeness_bars([CompletenessBar("1d", Completeness(100, 80, 50, 10, 40, 5))], BY_GRADE)
    assert {trace.name: trace.x[0] for trace in evidence.data} == {
        "proved": 0.1, "confirmed": 0.4, "claimed": 0.25, "doubtful": 0.05, "missing": 0.2
    }  # fmt: skip


def test_what_a_bar_shows_as_complete_is_the_percentage_beside_it() -> None:
    counts = Completeness(wanted=100, covered=80, present=50, doubtful=30)
    figure = completeness_bars([CompletenessBar("1d", counts, doubtful_candles=10)])
    shares = {trace.name: trace.x[0] for trace in figure.data}
    assert shares == {"present": 0.4, "no trades": 0.1, "doubtful": 0.3, "missing": 0.2}
    assert shares["present"] + shares["no trades"] == counts.completeness
    assert figure.layout.annotations[0].text == "<b>50.00 %</b>"


def test_every_grade_has_a_colour_of_its_own_in_the_bar_and_on_the_timeline() -> None:
    counts = Completeness(wanted=110, covered=100, present=80, proved=40, confirmed=30, doubtful=5)
    bar = evidence_bar(counts)
    shares = ["Proved 40.00 %", "Confirmed 30.00 %", "Claimed 25.00 %", "Doubtful 5.00 %"]
    assert [trace.name for trace in bar.data] == shares
    assert [tuple(trace.x) for trace in bar.data] == [(40,), (30,), (25,), (5,)]
    assert tuple(bar.layout.xaxis.range) == (0, 100)
    assert [trace.marker.color for trace in bar.data] == [GRADES[grade] for grade in Grade]
    assert len({*GRADES.values(), MISSING}) == len(GRADES) + 1
    of = {trace.name: trace.marker.color for trace in coverage_timeline(TIMELINE, EVIDENCE).data}
    assert of["doubtful"] == GRADES[Grade.DOUBTFUL]
    assert evidence_bar(Completeness(10, 10, 10, proved=10)).data[0].name.startswith("Proved 100")


def test_what_is_clicked_tells_its_series_and_range() -> None:
    [missing] = [trace for trace in coverage_timeline(TIMELINE).data if trace.name == "missing"]
    assert [list(each) for each in missing.customdata] == [[0, 8 * HOUR, 14 * HOUR], [1, 0, 9 * HOUR]]


def test_a_hover_says_how_many_slots_of_a_step_are_of_its_kind() -> None:
    hovers = {trace.name: trace.hovertext for trace in coverage_timeline(TIMELINE).data}
    assert hovers["missing"][0].endswith("3 of 6 missing")
    assert hovers["no trades"][0].endswith("all 1 no trades")
    assert hovers["present"][1].endswith("1 of 6 present")
    assert hovers["doubtful"][0].endswith("all 2 doubtful")


def test_a_hover_counts_as_doubtful_what_is_and_no_more_of_its_step() -> None:
    step = Stretch(0, 0, 10 * HOUR, Known.PARTLY, CoverageSource.CSV, 4, 2, Grade.CLAIMED, 4, 3, doubtful_candles=1)
    timeline = Timeline((BTC,), WINDOW, 10 * HOUR, (step,))

    def hovers(colouring: Colouring) -> list[str]:
        return [
            hover.partition("<br>")[2] for bar in coverage_timeline(timeline, colouring).data for hover in bar.hovertext
        ]

    assert hovers(KNOWN) == ["3 of 10 present", "2 of 10 no trades", "3 of 10 doubtful", "2 of 10 missing"]
    assert hovers(EVIDENCE) == ["5 of 10 claimed or better", "3 of 10 doubtful", "2 of 10 missing"]
    assert hovers(SOURCE) == ["8 of 10 CSV", "2 of 10 missing"]


def test_names_are_text_in_every_figure() -> None:
    escaped = "&lt;b&gt;X/&amp;amp;"
    timeline = coverage_timeline(TIMELINE)
    assert timeline.layout.yaxis.ticktext[1] == f"{escaped} 1h"
    assert all("<b>" not in hover for trace in timeline.data for hover in trace.hovertext)
    heatmap = missing_heatmap(missing_of(1, 2, name=str(HOSTILE.pair)))
    assert heatmap.layout.yaxis.ticktext[0] == escaped
    assert all(hover.startswith(escaped) for hover in heatmap.data[0].hovertext)
    chart = candle_chart(drawn(HOSTILE, 3))
    assert chart.layout.yaxis.title.text == "&amp;amp;"
    assert chart.layout.yaxis2.title.text == "volume, &lt;b&gt;X"


def missing_of(rows: int, columns: int, name: str = "A") -> MissingByBin:
    shape = (rows, columns)
    bins = Bins(np.arange(columns + 1) * 86_400)
    wanted = np.full(shape, 86_400.0)
    return MissingByBin(
        bins, tuple(f"{name}{n}" if rows > 1 else name for n in range(rows)), rows, wanted / 4, wanted, wanted / 240
    )


def test_a_heatmap_has_a_cell_for_each_row_and_time_that_is_wanted() -> None:
    missing = missing_of(2, 3)
    missing.wanted[1, 2] = 0
    cells, *keys = missing_heatmap(missing).data
    assert [tuple(each) for each in cells.customdata] == [
        (row, day * 86_400, (day + 1) * 86_400) for row, day in product(range(2), range(3)) if (row, day) != (1, 2)
    ]
    assert "25.00 % missing, 360 candles" in cells.hovertext[0]
    assert [key.name for key in keys] == ["nothing missing", "< 1 % missing", "50 % missing", "100 % missing"]


def test_the_more_of_a_cell_is_missing_the_less_can_be_seen_through_it() -> None:
    missing = missing_of(1, 4)
    missing.missing[0] = [0, 1, 43_200, 86_400]
    cells, *keys = missing_heatmap(missing).data
    assert list(cells.marker.color) == [key.marker.color for key in keys]
    known, *lacking = cells.marker.color
    assert known.startswith(PRESENT)
    assert all(colour.startswith(MISSING) for colour in lacking)
    assert lacking == sorted(lacking), "by their last two digits, which are the opacity"


def drawn(series: Series, bars: int) -> Drawn:
    frame = pl.DataFrame(
        {
            "start": [n * HOUR for n in range(bars)],
            **{name: [1.0 + n for n in range(bars)] for name in ("open", "high", "low", "close", "volume")},
            "trades": [None if n else 7 for n in range(bars)],
            "candles": [1] * bars,
            "source": ["csv"] * bars,
        }
    )
    silent, missing = TimeRanges.single(3 * HOUR, 4 * HOUR), TimeRanges.of([(5 * HOUR, 7 * HOUR), (8 * HOUR, 9 * HOUR)])
    return Drawn(series, WINDOW, HOUR, frame, silent, missing)


def test_a_tooltip_has_the_bars_open_time_plain_prices_volume_trades_and_source() -> None:
    candles = candle_chart(drawn(BTC, 2)).data[0]
    assert candles.hoverinfo == "text"
    assert candles.hovertext == (
        "<b>1970-01-01 00:00 UTC</b><br>O 1 H 1 L 1 C 1<br>volume 1 BTC, 7 trades<br>from csv",
        "<b>1970-01-01 01:00 UTC</b><br>O 2 H 2 L 2 C 2<br>volume 2 BTC<br>from csv",
    )


@pytest.mark.parametrize(
    ("price", "shown"),
    [(69_420.1, "69,420.1"), (1.188e-05, "0.00001188"), (100.0, "100"), (0.0, "0"), (1e-12, "0.000000000001")],
)
def test_prices_are_plain_numbers(price: float, shown: str) -> None:
    bars = drawn(BTC, 1)
    frame = bars.bars.with_columns(pl.lit(price).alias("open"))
    [label] = candle_chart(dataclasses.replace(bars, bars=frame)).data[0].hovertext
    assert f"O {shown} H" in label


def test_ticks_of_prices_and_volumes_are_not_rounded_to_the_same_text() -> None:
    layout = candle_chart(drawn(BTC, 2)).layout
    for axis in (layout.yaxis, layout.yaxis2):
        assert axis.tickformat == ",.12~r", "of d3: twelve significant digits; ,~f has six decimals"


def test_a_crosshair_goes_across_price_and_volume_and_the_wheel_zooms() -> None:
    layout = candle_chart(drawn(BTC, 2)).layout
    for axis in (layout.xaxis, layout.xaxis2):
        assert (axis.showspikes, axis.spikemode, axis.fixedrange) == (True, "across", False)
    assert layout.yaxis.showspikes


def test_what_is_missing_and_what_is_silent_is_shaded_where_it_is() -> None:
    shades = {
        trace.name: list(zip(trace.x, trace.width, strict=True)) for trace in candle_chart(drawn(BTC, 3)).data[2:]
    }
    assert shades == {
        "missing": [(5 * HOUR * 1000, 2 * HOUR * 1000), (8 * HOUR * 1000, HOUR * 1000)],
        "doubtful": [],
        "no trades": [(3 * HOUR * 1000, HOUR * 1000)],
    }


def test_what_is_doubtful_is_shaded_apart_whether_it_has_candles_or_not_and_its_bars_say_so() -> None:
    doubtful = TimeRanges.of([(2 * HOUR, 4 * HOUR)])  # a bar, and all that is silent
    chart = candle_chart(dataclasses.replace(drawn(BTC, 3), doubtful=doubtful))
    shades = {trace.name: trace for trace in chart.data[2:]}
    assert (shades["doubtful"].x, shades["doubtful"].width) == ((2 * HOUR * 1000,), (2 * HOUR * 1000,))
    assert shades["doubtful"].hovertext == ("doubtful: 1 span<br>1970-01-01 02:00 – 1970-01-01 04:00 UTC",)
    assert shades["doubtful"].marker.color == GRADES[Grade.DOUBTFUL]
    assert not shades["no trades"].x, "nobody knows that nothing traded there"
    assert ["doubtful" in label for label in chart.data[0].hovertext] == [False, False, True]


def test_a_falling_candle_has_no_colour_of_what_is_shaded() -> None:
    assert not {UP, DOWN} & {MISSING, UNWANTED, GRADES[Grade.DOUBTFUL]}


def test_a_gap_of_a_minute_in_a_year_is_wide_enough_to_be_seen_and_many_are_few_bars() -> None:
    year = TimeRange(0, 400 * 24 * HOUR)
    chart = dataclasses.replace(drawn(BTC, 3), window=year, missing=TimeRanges.single(HOUR, HOUR + 60))
    missing = candle_chart(chart).data[2]
    assert (missing.x, missing.width, missing.visible) == ((HOUR * 1000,), (24 * HOUR * 1000,), True)
    assert missing.hovertext == ("missing: 1 gap<br>1970-01-01 01:00 – 1970-01-01 01:01 UTC",)
    often = TimeRanges.of((day * 24 * HOUR, day * 24 * HOUR + 60) for day in range(400))
    every = dataclasses.replace(chart, missing=TimeRanges.of([*often, *((at + 600, at + 660) for at, _ in often)]))
    bars = candle_chart(every).data[2]
    drawn_at = TimeRanges.of((at // 1000, (at + width) // 1000) for at, width in zip(bars.x, bars.width, strict=True))
    assert not every.missing - drawn_at, "none is left out"
    assert len(bars.x) <= STEPS


def test_prices_can_be_shown_on_a_logarithmic_scale() -> None:
    assert candle_chart(drawn(BTC, 3), logarithmic=True).layout.yaxis.type == "log"
    assert candle_chart(drawn(BTC, 3)).layout.yaxis.type == "linear"


def test_a_window_without_a_candle_is_a_figure_too() -> None:
    chart = candle_chart(drawn(BTC, 0))
    assert not chart.data[0].x
    assert not chart.layout.yaxis.visible, "no prices from -1 to 4"
    assert chart.layout.showlegend, "what is shaded is named, be it all there is"
    assert candle_chart(drawn(BTC, 1)).layout.yaxis.visible
