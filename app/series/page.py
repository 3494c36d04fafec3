"""A series: is it complete and where not, on what evidence, from which files, and how fresh it is."""

from __future__ import annotations

import streamlit as st

from app.series.data import SeriesState, pictured, state
from app.series.tabs import PLAIN, candles_tab, evidence_tab, gaps_tab, silences_tab, sources_tab
from app.shared import formatting
from app.shared.filters import known_markets, series_picker
from app.shared.history import tab_title
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.series_list import filters_of
from kraken_core.domain.completeness_answer import completeness_answer
from kraken_core.domain.formatting import duration, instant, percent
from kraken_core.domain.market import Series
from kraken_core.workbench.figures.intervals import CompletenessBar, completeness_bars
from kraken_core.workbench.figures.timeline import coverage_timeline


def page() -> None:
    """The page."""
    st.title("Series")
    if not known_markets()["pair"]:
        st.info("Nothing is stored in this home yet.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")
        return
    series = series_picker()
    tab_title(formatting.series_name(series))
    found = state(series)
    if found is None:
        st.info(
            f"{formatting.series_name(series)} is not expected, and nothing of it is stored.", icon=":material/info:"
        )
        link("settings", "What is expected", ":material/settings:")
        return
    _answer(found)
    _figures(found)
    _links(series)
    bar = CompletenessBar(formatting.interval(series.interval), found.counts, found.doubtful_candles)
    st.plotly_chart(completeness_bars([bar]), config=PLAIN, key="bar")
    _over_time(found)
    candles, gaps, silences, evidence, sources = st.tabs(["Candles", "Gaps", "No trades", "Evidence", "Sources"])
    with candles:
        candles_tab(found)
    with gaps:
        gaps_tab(found)
    with silences:
        silences_tab(series)
    with evidence:
        evidence_tab(found)
    with sources:
        sources_tab(found)


def _answer(found: SeriesState) -> None:
    answer = completeness_answer([(found.series, found.counts)])
    name = formatting.series_name(found.series)
    if answer.is_yes:
        text = f"Yes: {name} is complete from {instant(found.span.start)} to {formatting.moment(found.span.end)}."
        st.success(formatting.plain(text), icon=":material/check_circle:")
        return
    st.warning(formatting.plain(answer.text), icon=":material/report:")


def _figures(found: SeriesState) -> None:
    counts = found.counts
    shown = {
        "Complete": percent(counts.completeness),
        "Missing": formatting.count(counts.missing),
        "Doubtful": formatting.count(counts.doubtful),
        "No trades": formatting.count(counts.silent),
        "Candles": formatting.count(counts.present),
        "Gaps": formatting.count(found.gaps.height),
        "Age": formatting.NOTHING if found.age is None else formatting.age(found.age),
    }
    show_metrics(
        shown,
        {
            "Doubtful": "Covered, but something speaks against it: not complete. A step clicked on Coverage says what.",
            "No trades": "Covered, and nothing was traded; doubtful ones included.",
            "Age": "How long ago what is covered ends.",
        },
    )
    covered = "Nothing is covered."
    if found.covered:
        covered = f"Covered {instant(found.covered.start)} – {formatting.moment(found.covered.end)}."
    st.caption(f"Expected {instant(found.span.start)} – {formatting.moment(found.span.end)}. {covered}")


def _links(series: Series) -> None:
    filters = filters_of(series)
    with st.container(horizontal=True):
        link("candles", "Candles", ":material/candlestick_chart:", **filters)
        link("coverage", "Coverage", ":material/view_timeline:", **filters)
        link("gaps", "Gaps and backfill", ":material/border_clear:", **filters)


def _over_time(found: SeriesState) -> None:
    st.subheader("Over time")
    timeline = pictured(found.series, found.span)
    st.plotly_chart(coverage_timeline(timeline), config=PLAIN, key="timeline")
    st.caption(f"In steps of {duration(timeline.width)}: the height of a colour is its share of a step.")


page()
