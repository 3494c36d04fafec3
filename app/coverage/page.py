"""Coverage: what is known of every series, from years down to minutes, and on what grounds."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.filters import IN_URL, selection
from app.shared.metrics import show_metrics
from app.shared.paging import TIMELINES, page_of
from app.shared.time_window import chosen, controls, dragged, window, zoom
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.charts.share import Share, Spans
from kraken_core.workbench.charts.timeline import Timeline
from kraken_core.workbench.figures.evidence import MEANINGS
from kraken_core.workbench.figures.timeline import EVIDENCE, KNOWN, SOURCE, coverage_timeline

COLOURINGS = {"What is known": KNOWN, "Evidence": EVIDENCE, "Where from": SOURCE}


@remembered
def selected(workbench: Workbench, chosen: Selection) -> tuple[list[Series], TimeRange | None]:
    """The series of a selection, and from when to when anything of it is wanted."""
    return workbench.charts.series(chosen), workbench.charts.window(chosen)


@remembered
def spans_of(workbench: Workbench, chosen: Selection) -> Spans:
    """What is wanted of a selection, and what is covered of that."""
    return workbench.charts.spans(chosen)


@remembered
def pictured(workbench: Workbench, series: list[Series], at: TimeRange) -> Timeline:
    """What is known of some series in a window."""
    return workbench.charts.timeline(series, at)


@remembered
def grounds(workbench: Workbench, series: Series, span: TimeRange) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The claims about a stretch of a series, and the gaps in it."""
    evidence = workbench.evidence(series, span)
    chosen = workbench.select(pairs=[series.pair], intervals=[series.interval])
    inside = (pl.col("start") < span.end) & (pl.col("end") > span.start)
    return evidence, workbench.charts.gaps(chosen).filter(inside)


def page() -> None:
    """The page."""
    st.title("Coverage")
    filtered = selection()
    series, bounds = selected(filtered)
    if not series or not bounds:
        _nothing()
        return
    rows = series[page_of(len(series), TIMELINES, f"{formatting.count(len(series))} series")]
    at = window(bounds)
    controls(bounds, at)
    _figures(len(series), spans_of(filtered).within(at))
    with st.container(horizontal=True):
        colours = st.segmented_control(
            "Colours", list(COLOURINGS), default="What is known", key="colours", bind=IN_URL, required=True
        )
        drag = dragged("Click for evidence", "Drag to zoom")
    timeline = pictured(rows, at)
    event = st.plotly_chart(
        coverage_timeline(timeline, COLOURINGS[colours], dragged=drag),
        key=f"coverage {at} {filtered} {rows[0]} {drag}",
        on_select="rerun",
        selection_mode=("points", "box"),
        config={"displayModeBar": False},
    )
    picked = chosen(event)
    if picked.span and picked.span.end - picked.span.start > timeline.width:
        zoom(picked.span)
    st.caption(f"One bar a series, in steps of {duration(timeline.width)} or its own interval.")
    if COLOURINGS[colours] is EVIDENCE:
        st.caption("  \n".join(f"**{grade.value}**: {meaning}" for grade, meaning in MEANINGS.items()))
    if picked.stretches:
        row, start, end = picked.stretches[0]
        _evidence(rows[row], TimeRange(start, end))


def _figures(series: int, share: Share) -> None:
    """What is known of the whole selection in the window, whichever page of its series is looked at."""
    shown = {
        "Known": percent(share.part),
        "Slots known": formatting.count(share.covered),
        "Slots missing": formatting.count(share.missing),
        "Slots doubtful": formatting.count(share.doubtful),
        "Series": formatting.count(series),
    }
    show_metrics(shown)


def _nothing() -> None:
    if workbench().holdings.as_of is not None:
        st.info("Nothing of this selection was ever wanted: widen the filters.", icon=":material/filter_alt_off:")
    else:
        st.info("Nothing is held in this home yet: **Ingest** fills it.", icon=":material/inbox:")


def _evidence(series: Series, span: TimeRange) -> None:
    st.subheader("Evidence")
    st.text(
        f"{series.pair} {formatting.interval(series.interval)}: "
        f"{formatting.moment(span.start)} – {formatting.moment(span.end)}"
    )
    evidence, gaps = grounds(series, span)
    if gaps.height:
        st.caption("Missing in it")
        st.dataframe(
            gaps.select(
                _moment("start").alias("from (UTC)"), _moment("end").alias("to (UTC)"),
                pl.col("candles").alias("slots"), "route", "reason", "archive", "csv_file",
            ),
            hide_index=True,
        )  # fmt: skip
    if not evidence.height:
        st.caption("Nobody ever claimed to know any of it.")
        return
    st.caption("Who claims to know it, newest first")
    st.dataframe(
        evidence.select(
            pl.when("withdrawn").then(pl.lit("withdrawn")).otherwise(pl.lit("stands")).alias("claim"),
            "source", _moment("start").alias("from (UTC)"), _moment("end").alias("to (UTC)"),
            pl.col("member").alias("file"), pl.col("path").alias("archive"),
            pl.col("evidence").alias("hash or request"), pl.col("asserted_at").alias("claimed at (UTC)"),
            pl.col("job_id").alias("job"),
        ),
        hide_index=True,
    )  # fmt: skip


def _moment(name: str) -> pl.Expr:
    return pl.from_epoch(name, "s").dt.strftime("%Y-%m-%d %H:%M")


page()
