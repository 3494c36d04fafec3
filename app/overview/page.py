"""Overview: is the data complete, how fresh is it, what runs, and what needs attention first."""

from __future__ import annotations

import streamlit as st

from app.jobs.live import live, moves
from app.overview.attention import matters
from app.overview.first_steps import first_steps
from app.overview.matrix import matrix
from app.overview.summary import NO_TIER, Summary, summary
from app.overview.trend import trend
from app.shared import formatting
from app.shared.filters import IN_URL
from app.shared.links import link
from app.shared.live_status import DIED, show_live
from app.shared.metrics import show_metrics
from app.shared.series_list import open_series, series_list
from app.shared.time_window import chosen
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.formatting import percent
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import JobStatus
from kraken_core.workbench.archive_choices import unreadable_sources
from kraken_core.workbench.charts.doubtful import Doubtful
from kraken_core.workbench.figures.completeness import completeness_heatmap
from kraken_core.workbench.figures.gap_strips import gap_strips
from kraken_core.workbench.figures.intervals import EVIDENCE, STATES, CompletenessBar, completeness_bars

MEANINGS = {
    "Complete series": "Series in which every candle expected is stored, or known to have no trades.",
    "Incomplete": "Series in which something is missing or doubtful.",
    "Nothing stored": "Series that are expected, and of which no source covers anything.",
    "Oldest data": "The age of the series whose data ends first. Pairs that left the exchange do not count.",
}
COLOURS = {"What is stored": STATES, "Evidence": EVIDENCE}
GRADES = {
    Grade.PROVED: "trade ids are consecutive",
    Grade.CONFIRMED: "two sources, or two intervals of two files, agree",
    Grade.CLAIMED: "one source covers it",
    Grade.DOUBTFUL: "no trades where trades are likely: not complete",
}


@remembered
def doubtful(workbench: Workbench) -> Doubtful:
    """Where what is covered is doubtful."""
    return workbench.charts.doubtful()


def page() -> None:
    """The page."""
    st.title("Overview")
    drawn = moves()
    live(drawn)
    with st.container():
        _live()
    found = summary()
    if found is None:
        if any(status is not JobStatus.CANCELLED for _, status, _ in drawn):
            st.info("Nothing is assessed yet: the job is still reading.", icon=":material/hourglass_empty:")
            link("jobs", "See how far it is", ":material/sync:")
        else:
            first_steps()
        return
    _answer(found)
    _figures(found)
    _attention(found)
    st.subheader("Completeness by interval")
    _intervals(found)
    trend()
    st.subheader("Completeness by pair")
    matrix(found.pairs, found.pairs_expected)
    if found.worst:
        st.subheader("Least complete series, and where something is missing or doubtful")
        _worst(found)
    if len({tier for tier, _ in found.cells}) > 1:
        st.subheader("Completeness by tier")
        figure = completeness_heatmap(found.cells, [*workbench().tiers.names, NO_TIER])
        st.plotly_chart(figure, config={"displayModeBar": False}, key="completeness")
    st.subheader("Freshness")
    _freshness(found)


def _live() -> None:
    """The live history as it goes, or that it died."""
    state = workbench().live.state
    if state and state.is_alive:
        show_live(state, "overview")
    elif state and state.ended is None:
        st.error(f"**{DIED}** Nothing follows the exchange now.", icon=":material/error:")
        link("schedules", "Start it again", ":material/sensors:")


def _answer(found: Summary) -> None:
    show, icon = (st.success, "check_circle") if found.answer.is_yes else (st.warning, "report")
    show(f"**Is my data complete?** {formatting.plain(found.answer.text)}", icon=f":material/{icon}:")
    st.caption(f"As of {formatting.moment(found.as_of)}, when gaps were last detected.")


def _figures(found: Summary) -> None:
    shown = {
        "Complete series": f"{formatting.count(found.answer.complete)} of {formatting.count(found.answer.total)}",
        "Incomplete": formatting.count(found.answer.incomplete),
        "Nothing stored": formatting.count(found.answer.empty),
    }
    if found.stalest:
        series, end = found.stalest
        age = formatting.age(workbench().clock.now() - end)
        shown["Oldest data"] = f"{age}, {formatting.series_name(series)}"
    show_metrics(shown, MEANINGS)


def _attention(found: Summary) -> None:
    st.subheader("Needs attention")
    here = workbench()
    todo = matters(here.jobs(), found, here.clock.now(), unreadable_sources(here.settings))
    if not todo:
        st.success("Nothing: every candle expected is covered.", icon=":material/check:")
    for matter in todo:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(formatting.plain(matter.text), width="content")
            link(matter.view, matter.label, ":material/arrow_forward:", **matter.filters)


def _intervals(found: Summary) -> None:
    colours = st.segmented_control("Colours", list(COLOURS), default="What is stored", key="by", bind=IN_URL,
                                   required=True, label_visibility="collapsed")  # fmt: skip
    candles = doubtful().candles_by_interval()
    rows = [
        CompletenessBar(formatting.interval(each.minutes), each.counts, candles.get(each.minutes, 0))
        for each in found.intervals
    ]
    figure = completeness_bars(rows, COLOURS[colours])
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"intervals {colours}")
    if COLOURS[colours] is EVIDENCE:
        st.caption(" · ".join(f"**{grade}**: {meaning}" for grade, meaning in GRADES.items()))
    with st.expander("As a table"):
        st.dataframe(
            [
                {
                    "Interval": formatting.interval(each.minutes),
                    "Complete": percent(each.counts.completeness),
                    "Complete series": f"{formatting.count(each.complete)} of {formatting.count(each.series)}",
                    "Expected": formatting.count(each.counts.wanted),
                    "Stored": formatting.count(each.counts.present),
                    "No trades": formatting.count(each.counts.silent),
                    "Missing": formatting.count(each.counts.missing),
                    "Doubtful": formatting.count(each.counts.doubtful),
                }
                for each in found.intervals
            ],
            hide_index=True,
            height="content",
        )


def _freshness(found: Summary) -> None:
    now = workbench().clock.now()
    rows = [
        (series, {"Oldest": formatting.age(now - end), "Covered until (UTC)": formatting.minute(end)})
        for series, end in found.oldest.values()
    ]
    st.caption("Of each interval the series whose data ends first.")
    series_list(rows, "freshness")


def _worst(found: Summary) -> None:
    rows = [
        (
            series,
            {
                "Complete": percent(slots.completeness),
                "Missing": formatting.count(slots.missing),
                "Why": found.reasons.get(series, ""),
            },
        )
        for series, slots in found.worst
    ]
    strips = [
        strip._replace(doubtful=doubtful().of(series))
        for (series, _), strip in zip(found.worst, found.strips, strict=True)
    ]
    event = st.plotly_chart(
        gap_strips(strips),
        config={"displayModeBar": False},
        key="strips",
        on_select="rerun",
        selection_mode="points",
    )
    for row, *_ in chosen(event).stretches:
        open_series(found.worst[row][0])
    st.caption("Click a strip, or a row of the table behind it, to open its series.")
    series_list(rows, "worst")


page()
