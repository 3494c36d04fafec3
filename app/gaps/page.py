"""Gaps: what is missing, when, and what fills it; and Quality: whether what is stored agrees."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.gaps.backfill import backfill
from app.gaps.in_window import candles_inside, inside, reach_out
from app.gaps.quality import quality
from app.gaps.table import download_list, gap_table
from app.shared import formatting
from app.shared.archive_links import by_archive
from app.shared.fillable import FILLABLE, PARTLY, without_source
from app.shared.filters import IN_URL, known_markets, selection, toggle
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.paging import HEATMAP_ROWS, page_of
from app.shared.series_list import filters_of, series_link
from app.shared.time_window import Chosen, chosen, controls, dragged, window, window_filters, zoom
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.charts.missing import MissingByBin
from kraken_core.workbench.figures.missing import missing_heatmap

BY = {"Pairs": "pair", "Tiers": "tier"}
MEANINGS = {
    "Missing": "Candles expected that no source covers, of all intervals in the window.",
    "Fillable gaps": "Gaps that finer candles, or a query of the exchange, fill, as far as the last job knew; partly: "
    "the exchange's newest candles reach into a part of them. A preview asks again.",
    "Not fillable": "Gaps that only an archive fills, if anything does: see Download manually.",
}
CANDLES_AROUND = 20  # of a gap that is looked at
LINKED = 6  # series that are linked


@remembered
def open_gaps(workbench: Workbench, chosen: Selection, *, lost: bool) -> tuple[pl.DataFrame, TimeRange | None]:
    """The open gaps of a selection, and from when to when anything of it is expected.

    If ``lost``, only those that no known source fills.
    """
    gaps = workbench.charts.gaps(chosen)
    found = without_source(gaps, workbench.charts.downloads(gaps)) if lost else gaps
    return found, workbench.charts.window(chosen)


@remembered
def pictured(
    workbench: Workbench, chosen: Selection, row: str, at: TimeRange, first: int, *, lost: bool
) -> MissingByBin:
    """What is missing of a selection in a window, from some row on."""
    gaps, _ = open_gaps(chosen, lost=lost)
    return workbench.charts.missing(gaps, row, chosen, at, slice(first, first + HEATMAP_ROWS))


@remembered
def archives(workbench: Workbench, chosen: Selection, at: TimeRange, *, lost: bool) -> pl.DataFrame:
    """Which published archives contain what is missing of a selection in a window, and how much of that."""
    gaps, _ = open_gaps(chosen, lost=lost)
    return by_archive(candles_inside(workbench.charts.downloads(inside(gaps, at)), at))


def page() -> None:
    """The page."""
    st.title("Gaps")
    if not known_markets()["pair"]:
        st.info("Nothing is stored in this home yet.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")
        return
    filtered = selection()
    gaps_tab, quality_tab = st.tabs(["Gaps", "Quality"], key="tab", on_change="rerun", bind=IN_URL)
    if gaps_tab.open:
        with gaps_tab:
            _missing(filtered)
    if quality_tab.open:
        with quality_tab:
            quality(filtered)


def _missing(filtered: Selection) -> None:
    lost = toggle("Only what no known source fills", "lost")
    every, bounds = open_gaps(filtered, lost=lost)
    if not bounds:
        st.info("Nothing of this selection is expected: widen the filters, or ingest it.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")
        return
    if not every.height:
        what = "No gap of this selection is without a source." if lost else "Nothing of this selection is missing."
        st.success(what, icon=":material/check_circle:")
        link("coverage", "What is stored", ":material/view_timeline:")
        return
    at = window(bounds)
    controls(bounds, at)
    gaps = inside(every, at)
    _figures(gaps, int(candles_inside(gaps, at)["candles"].sum()))
    with st.container(horizontal=True):
        row = BY[st.segmented_control("Rows", list(BY), default="Pairs", key="rows", bind=IN_URL, required=True)]
        drag = dragged("Click a cell", "Drag across cells")
    many = gaps[row].n_unique()
    rows = page_of(many, HEATMAP_ROWS, formatting.many(many, row))
    missing = pictured(filtered, row, at, rows.start, lost=lost)
    if not missing.rows:
        st.success("Nothing is missing in this window.", icon=":material/check_circle:")
        return
    picked = _heatmap(missing, f"missing {filtered} {lost} {row} {at} {rows.start} {drag}", drag=drag)
    cells = _in_cells(gaps, row, missing, picked)
    if longer := reach_out(gaps, at):
        st.caption(
            f"{formatting.many(longer, 'gap')} of this window "
            f"{'goes' if longer == 1 else 'go'} on outside of it: listed, and filled, whole."
        )
    ticked = gap_table(cells if picked.stretches else gaps, f"{row} {at} {lost} {len(picked.stretches)}")
    _links(ticked if ticked.height else cells)
    backfill(ticked if ticked.height else cells, gaps, filtered, everything=gaps.height == every.height)
    download_list(gaps, archives(filtered, at, lost=lost))


def _links(gaps: pl.DataFrame) -> None:
    """The series of the gaps that were chosen, and their candles around the first of each."""
    first = gaps.unique(["pair", "interval_minutes"], keep="first", maintain_order=True)
    for pair, interval, start, end in first.head(LINKED).select("pair", "interval_minutes", "start", "end").iter_rows():
        series = Series(Pair.stored(pair), interval)
        around = TimeRange(start - CANDLES_AROUND * series.width, end + CANDLES_AROUND * series.width)
        with st.container(horizontal=True):
            series_link(series)
            link("candles", "Open in Candles", ":material/candlestick_chart:", **filters_of(series),
                 **window_filters(around))  # fmt: skip


def _figures(gaps: pl.DataFrame, missing: int) -> None:
    fillable, partly = gaps.filter(FILLABLE).height, gaps.filter(PARTLY).height
    in_part = f", {formatting.count(partly)} partly" if partly else ""
    shown = {
        "Gaps": formatting.count(gaps.height),
        "Missing": formatting.count(missing),
        "Fillable gaps": f"{formatting.count(fillable)}{in_part}",
        "Not fillable": formatting.count(gaps.height - fillable),
    }
    show_metrics(shown, MEANINGS)


def _heatmap(missing: MissingByBin, key: str, *, drag: bool) -> Chosen:
    event = st.plotly_chart(
        missing_heatmap(missing, dragged=drag),
        key=key,
        on_select="rerun",
        selection_mode=("points", "box"),
        config={"displayModeBar": False},
    )
    picked = chosen(event)
    st.caption(
        "The share that is missing of all series of a row, the most incomplete rows first; empty where nothing is "
        "expected. Click cells to see their gaps and fill them; shift adds one."
    )
    if picked.stretches:
        hull = TimeRange(min(start for _, start, _ in picked.stretches), max(end for *_, end in picked.stretches))
        if st.button("Zoom in on these cells", icon=":material/zoom_in:"):
            zoom(hull)
    return picked


def _in_cells(gaps: pl.DataFrame, row: str, missing: MissingByBin, picked: Chosen) -> pl.DataFrame:
    """The gaps that reach into the cells chosen."""
    inside = [
        (pl.col(row) == missing.rows[number]) & (pl.col("start") < end) & (pl.col("end") > start)
        for number, start, end in picked.stretches
        if number < len(missing.rows)
    ]
    return gaps.filter(pl.any_horizontal(inside)) if inside else gaps.head(0)


page()
