"""Coverage: what is known of every series, from years down to minutes, and on what grounds."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.coverage.evidence import evidence
from app.shared import formatting
from app.shared.filters import IN_URL, selection
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.paging import TIMELINES, page_of
from app.shared.series_list import series_list
from app.shared.time_window import chosen, controls, dragged, window, zoom
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.formatting import duration, percent
from kraken_core.domain.market import Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.charts.share import COMPLETE, Share, Spans, shares_of
from kraken_core.workbench.charts.timeline import Timeline
from kraken_core.workbench.figures.evidence import MEANINGS
from kraken_core.workbench.figures.timeline import EVIDENCE, KNOWN, SOURCE, coverage_timeline

PARTS = ("candles", "without trades", "doubtful", "missing")
COLOURINGS = {"What is stored": KNOWN, "Evidence": EVIDENCE, "Sources": SOURCE}
WORST, BY_NAME, INCOMPLETE = "Worst first", "By name", "Only incomplete"


@remembered
def bounds_of(workbench: Workbench, chosen: Selection) -> TimeRange | None:
    """From when to when anything of a selection is expected."""
    return workbench.charts.window(chosen)


@remembered
def spans_of(workbench: Workbench, chosen: Selection) -> Spans:
    """What is expected of a selection, and what is covered of that."""
    return workbench.charts.spans(chosen)


@remembered
def shares_in(workbench: Workbench, chosen: Selection, at: TimeRange) -> tuple[pl.DataFrame, Share]:  # noqa: ARG001
    """What of each series of a selection is covered in a window (``Spans.shares``), and what of all of them."""
    spans = spans_of(chosen)
    return spans.shares(at), spans.within(at)


@remembered
def pictured(workbench: Workbench, series: list[Series], at: TimeRange) -> Timeline:
    """What is known of some series in a window."""
    return workbench.charts.timeline(series, at)


def page() -> None:
    """The page."""
    st.title("Coverage")
    filtered = selection()
    bounds = bounds_of(filtered)
    if not bounds:
        _nothing()
        return
    at = window(bounds)
    controls(bounds, at)
    found, share = shares_in(filtered, at)
    _figures(found, share)
    order = st.segmented_control("Series", [WORST, BY_NAME, INCOMPLETE], default=WORST, key="order", bind=IN_URL,
                                 required=True)  # fmt: skip
    if order == INCOMPLETE:
        found = found.filter(~COMPLETE)
    if not found.height:
        st.success("Every series of this selection is complete here.", icon=":material/check_circle:")
        return
    shown = page_of(found.height, TIMELINES, f"{formatting.count(found.height)} series")
    # All eleven thousand of them are too many to make anew with each page
    shares = dict(sorted(shares_of(found).items())[shown]) if order == BY_NAME else shares_of(found[shown])
    rows = list(shares)
    with st.container(horizontal=True):
        colours = st.segmented_control(
            "Colours", list(COLOURINGS), default="What is stored", key="colours", bind=IN_URL, required=True
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
    counts = [sum(many) for many in zip(*(stretch.counts for stretch in timeline.stretches), strict=True)]
    drawn = ", ".join(f"{formatting.count(many)} {what}" for many, what in zip(counts, PARTS, strict=True))
    st.caption(
        f"Steps of {duration(timeline.width)}, or of a series' own interval: the height of a colour is its share of a "
        f"step. Drawn: {drawn}."
    )
    if COLOURINGS[colours] is EVIDENCE:
        st.caption("  \n".join(f"**{grade.value}**: {meaning}" for grade, meaning in MEANINGS.items()))
    if picked.stretches:
        row, start, end = picked.stretches[0]
        evidence(rows[row], TimeRange(start, end))
    with st.expander("As a table"):
        _table(shares)


def _figures(found: pl.DataFrame, share: Share) -> None:
    """The whole selection in the window, whichever page of its series is looked at."""
    complete = found.filter(COMPLETE).height
    shown = {
        "Complete series": f"{formatting.count(complete)} of {formatting.count(found.height)}",
        "Candles expected": formatting.count(share.wanted),
        "Covered": formatting.count(share.covered),
        "Missing": formatting.count(share.missing),
        "Doubtful": formatting.count(share.doubtful),
    }
    show_metrics(shown)


def _table(shares: dict[Series, Share]) -> None:
    """What the chart shows, for the keyboard and for screen readers."""
    table = [
        (
            each,
            {
                "Complete": percent(share.part),
                "Expected": formatting.count(share.wanted),
                "Missing": formatting.count(share.missing),
                "Doubtful": formatting.count(share.doubtful),
            },
        )
        for each, share in shares.items()
    ]
    series_list(table, "table")


def _nothing() -> None:
    if workbench().holdings.as_of is not None:
        st.info("Nothing of this selection is expected: widen the filters.", icon=":material/filter_alt_off:")
    else:
        st.info("Nothing is stored in this home yet.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")


page()
