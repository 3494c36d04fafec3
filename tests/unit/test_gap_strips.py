"""Where in time series have gaps: no gap is lost, however many there are and however short they are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.workbench.figures.gap_strips import GapStrip, gap_strips
from kraken_core.workbench.figures.marks import STEPS
from kraken_core.workbench.figures.parts import span
from kraken_core.workbench.figures.timeline import KNOWN

YEARS = TimeRange(0, 400 * 86_400)
GAPS = st.lists(st.tuples(st.integers(0, YEARS.end - 1), st.integers(1, 86_400 * 30))).map(
    lambda found: [(start, min(start + long, YEARS.end)) for start, long in found]
)


@given(GAPS)
def test_every_gap_is_drawn_and_few_bars_are_enough(gaps: list[tuple[int, int]]) -> None:
    _, _, missing = gap_strips([GapStrip("BTC/USD 1m", YEARS, gaps)]).data
    drawn = [(start, end) for _, start, end in missing.customdata]
    assert not TimeRanges.of(gaps) - TimeRanges.of(drawn)
    assert len(drawn) <= STEPS
    assert all(end - start >= YEARS.end // STEPS for start, end in drawn), "wide enough to be seen"
    assert all(before[1] < after[0] for before, after in pairwise(drawn))


def test_strips_begin_and_end_where_their_series_are_expected() -> None:
    figure = gap_strips([GapStrip("BTC/USD 1d", YEARS, []), GapStrip("<b>/USD 1d", TimeRange(86_400, 172_800), [])])
    known, doubtful, missing = figure.data
    assert [list(each) for each in known.customdata] == [[0, 0, YEARS.end], [1, 86_400, 172_800]]
    assert not doubtful.customdata
    assert not missing.customdata
    assert list(figure.layout.yaxis.ticktext) == ["BTC/USD 1d", "&lt;b&gt;/USD 1d"], "names are text"


def test_what_is_doubtful_has_the_colour_that_a_timeline_gives_it_and_is_as_wide_as_can_be_seen() -> None:
    [strip] = [GapStrip("BTC/USD 1d", YEARS, [(0, 86_400)], [(10 * 86_400, 10 * 86_400 + 60)])]
    covered, doubtful, missing = gap_strips([strip]).data
    assert [list(each) for each in doubtful.customdata] == [[0, 10 * 86_400, 11 * 86_400]]
    assert doubtful.marker.color == KNOWN.colours["doubtful"]
    assert doubtful.hovertext[0].endswith("doubtful: 1 range")
    assert [trace.name for trace in (covered, doubtful, missing)] == ["covered", "doubtful", "missing"]


def test_a_gap_at_the_end_is_as_wide_inside_of_the_figure_and_its_hover_says_where_it_is() -> None:
    last = (YEARS.end - 60, YEARS.end)
    _, _, missing = gap_strips([GapStrip("BTC/USD 1m", YEARS, [last])]).data
    assert [list(each) for each in missing.customdata] == [[0, YEARS.end - YEARS.end // STEPS, YEARS.end]]
    assert missing.hovertext[0].split("<br>")[1] == span(*last)
