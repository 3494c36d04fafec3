"""Figures of runs and of trends: what is drawn is what was kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.market import INTERVALS
from kraken_core.workbench.figures.runs import FEWEST, OUTCOMES, UNDONE, RunBar, run_bars
from kraken_core.workbench.figures.trends import LEAST_S, LEAST_SHARE, completeness_trend, verification_trend

BARS = st.lists(
    st.tuples(st.integers(1, 500), st.sampled_from(sorted(OUTCOMES)), st.floats(0, 1e6)), unique_by=lambda bar: bar[0]
)


@given(BARS)
def test_every_run_has_one_bar_which_tells_its_job_in_the_order_given(found: list[tuple[int, str, float]]) -> None:
    figure = run_bars([RunBar(job, outcome, seconds, ["a job"]) for job, outcome, seconds in found])
    drawn = {job: trace.name for trace in figure.data for job in trace.customdata}
    assert drawn == {job: outcome for job, outcome, _ in found}
    assert list(figure.layout.xaxis.categoryarray) == [str(job) for job, _, _ in found]


def test_bars_are_as_high_as_runs_lasted_and_the_chosen_one_has_a_frame() -> None:
    long, short = RunBar(1, "completed", 600.0, ["<b>"]), RunBar(2, "completed", 0.2, ["job 2"])
    [trace] = run_bars([long, short], chosen=2).data
    assert list(trace.y) == [600.0, 1.0], "on a scale of powers of ten nothing is lower than a second"
    assert list(trace.marker.line.width) == [0, 3]
    assert trace.marker.line.color[1] not in OUTCOMES.values(), "it is no outcome"
    assert trace.hovertext[0] == "&lt;b&gt;", "names are text"


def test_a_run_that_was_undone_is_hatched() -> None:
    runs = [RunBar(1, "completed", 3.0, ["job 1"]), RunBar(2, UNDONE, 3.0, ["job 2"])]
    assert {bar.name: bar.marker.pattern.shape for bar in run_bars(runs).data} == {"completed": "", UNDONE: "/"}


def test_a_scale_of_powers_of_ten_says_so() -> None:
    assert "log" in run_bars([RunBar(1, "failed", 3.0, ["job 1"])]).layout.yaxis.title.text


def test_a_few_runs_are_no_walls() -> None:
    figure = run_bars([RunBar(1, "failed", 3.0, ["job 1"])])
    assert list(figure.layout.xaxis.range) == [-0.5, FEWEST - 0.5]


def test_a_line_an_interval_steps_from_job_to_job() -> None:
    figure = completeness_trend({60: [(0, 1, 0.5), (60, 2, 0.75)], 1440: [(0, 1, 1.0)]})
    assert [line.name for line in figure.data] == ["1d", "1h"]
    hours = figure.data[1]
    assert (list(hours.x), list(hours.y), hours.line.shape) == ([0, 60_000], [0.5, 0.75], "hv")
    assert "after job 2" in hours.hovertext[1]


def test_verifications_are_drawn_oldest_first_with_failures_and_suspicious_silences() -> None:
    failures, suspicious = verification_trend([(60, "TIER1", 0, 7), (0, "everything stored", 3, 2)]).data
    assert (list(failures.x), list(failures.y)) == ([0, 60_000], [3, 0])
    assert list(suspicious.y) == [2, 7]


def test_no_line_goes_through_a_job_that_was_undone() -> None:
    kept, gone = completeness_trend({60: [(0, 1, 0.5), (60, 2, 0.9), (120, 3, 0.6)]}, {2}).data
    assert (list(kept.y), kept.mode) == ([0.5, 0.6], "lines+markers")
    assert (list(gone.y), gone.mode, gone.marker.symbol) == ([0.9], "markers", "circle-open")
    assert gone.hovertext[0].endswith("after job 2, undone since")


def test_jobs_that_are_minutes_apart_are_apart_on_the_axis() -> None:
    figure = completeness_trend({60: [(0, 1, 0.66), (120, 2, 0.68)], 1440: [(0, 1, 0.66), (120, 2, 0.66)]})
    start, end = figure.layout.xaxis.range
    assert end - start == LEAST_S * 1000
    low, high = figure.layout.yaxis.range
    assert high - low == pytest.approx(LEAST_SHARE)
    assert figure.layout.hovermode == "x unified", "whichever line lies on top, all are named"


def test_lines_of_all_intervals_look_different_and_equal_ones_are_seen() -> None:
    lines = completeness_trend({interval: [(0, 1, 0.5)] for interval in INTERVALS}).data
    assert len({line.line.color for line in lines}) == len(INTERVALS)
    sizes = [line.marker.size for line in lines]
    assert sizes == sorted(set(sizes), reverse=True), "those drawn later are smaller"
