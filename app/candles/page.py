"""Candles: a series at any zoom, what is missing of it, and how to take it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO

import polars as pl
import streamlit as st

from app.candles import revisions
from app.candles.table import bars_table
from app.shared import formatting
from app.shared.error_boundary import error_boundary
from app.shared.filters import IN_URL, known_markets, series_picker
from app.shared.history import tab_title
from app.shared.links import link
from app.shared.live_status import live_state
from app.shared.metrics import show_metrics
from app.shared.series_list import filters_of, series_link
from app.shared.time_window import Named, controls, named, newest, quick_ranges, window, window_filters, zooming
from app.shared.workbench_cache import look_anew, remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, iso
from kraken_core.workbench.charts.candle_chart import Drawn
from kraken_core.workbench.figures.candles import candle_chart
from kraken_core.workbench.figures.marks import STEPS

EVERY_S = 2.0
FOLLOW = "The window moves on with the newest candle. Off: it stays, and can be dragged across."
MEANINGS = {
    "Candles": "Those that a source covers, as the report counts them.",
    "Doubtful": "Covered, but something speaks against it: a step clicked on Coverage says what.",
    "Provisional": "Candles that are stored, and that no source covers: drawn, and replaced by what covers their time.",
}
AT_MOST = 1_000_000  # candles that are handed to a browser as a file


@dataclass(frozen=True, slots=True)
class View:
    """What of a series is looked at, as the page was drawn."""

    series: Series
    at: TimeRange
    named: Named
    logarithmic: bool
    following: bool


@remembered
def bounds_of(workbench: Workbench, pair: str, interval: int) -> TimeRange | None:
    """From when to when a series is wanted."""
    return workbench.charts.window(workbench.select(pairs=[Pair.stored(pair)], intervals=[interval]))


@remembered
def stored_until(workbench: Workbench, series: Series) -> int | None:
    """Where the last of what is covered of a series ends, epoch seconds."""
    chosen = workbench.select(pairs=[series.pair], intervals=[series.interval])
    return max((each.end for each in workbench.holdings.coverage(chosen)), default=None)


@remembered
def fillable(workbench: Workbench, series: Series, at: TimeRange) -> bool:
    """Whether any route fills a part of what is missing of a series in a window."""
    gaps = workbench.charts.gaps(workbench.select(pairs=[series.pair], intervals=[series.interval]))
    routed = gaps.filter((pl.col("start") < at.end) & (pl.col("end") > at.start) & (pl.col("route") != Route.NONE))
    return routed.height > 0


@remembered
def pictured(workbench: Workbench, pair: str, interval: int, at: TimeRange) -> Drawn:
    """The series in a window."""
    return workbench.charts.drawn(Series(Pair.stored(pair), interval), at)


def shown_bounds(series: Series) -> TimeRange | None:
    """From when to when a series can be looked at: what is expected, and what live has stored since."""
    bounds, stored = bounds_of(str(series.pair), series.interval), stored_until(series)
    return TimeRange(bounds.start, max(bounds.end, stored or 0)) if bounds else None


def followed(series: Series) -> bool:
    """Whether live adds to a series."""
    state = live_state()
    return state is not None and str(series.pair) in {each.pair for each in state.pairs}


def page() -> None:
    """The page."""
    st.title("Candles")
    if not known_markets()["pair"]:
        st.info("Nothing is stored in this home yet.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")
        return
    series = series_picker()
    tab_title(f"{formatting.series_name(series)} candles")
    live = followed(series)
    with st.container(horizontal=True):
        logarithmic = st.toggle("Log scale", key="log", bind=IN_URL)
        following = live and st.toggle("Follow live", key="follow", bind=IN_URL, help=FOLLOW)
    bounds = shown_bounds(series)
    if bounds is None:
        st.info("Nothing of this series is expected: choose another interval.", icon=":material/search_off:")
        return
    at = window(bounds)
    controls(bounds, at)
    stored = stored_until(series)
    quick_ranges(bounds, stored if stored is not None else bounds.end)
    view = View(series, at, named(), logarithmic=logarithmic, following=following)
    if live:
        st.fragment(_redrawn, run_every=EVERY_S)(view)
    else:
        _shown(view, at)


def _redrawn(view: View) -> None:
    """The series as it is now, drawn again and again while live adds to it."""
    with error_boundary():
        look_anew()
        bounds = shown_bounds(view.series)
        if bounds is None or not followed(view.series) or named() != view.named:  # the whole page has a window
            st.rerun()
        at = newest(bounds, view.at) if view.following else window(bounds)
        st.caption(f"Live adds candles. Shown: {formatting.moment(at.start)} – {formatting.moment(at.end)}.")
        _shown(view, at)


def _shown(view: View, at: TimeRange) -> None:
    pair, interval = str(view.series.pair), view.series.interval
    drawn = pictured(pair, interval, at)
    _links(drawn)
    _figures(drawn)
    chart = candle_chart(drawn, logarithmic=view.logarithmic)
    key = f"candles {pair} {interval} {view.at} {view.following}"  # not of the window as it moves: the chart stays
    config = {"displayModeBar": False, "scrollZoom": True}
    if view.following:
        st.plotly_chart(chart, key=key, config=config)
    else:
        st.plotly_chart(chart, key=key, on_select=zooming(key, drawn.width), selection_mode=("box",), config=config)
    _said(drawn)
    with st.expander("As a table"):
        bars_table(drawn)
    revisions.show(drawn.series, drawn.window)
    _elsewhere(drawn)


def _links(drawn: Drawn) -> None:
    """Where what is seen can be looked into, and mended."""
    filters = filters_of(drawn.series) | window_filters(drawn.window)
    with st.container(horizontal=True):
        series_link(drawn.series)
        link("coverage", "Coverage and evidence", ":material/view_timeline:", **filters)
        if drawn.slots_missing:
            offer = "Backfill" if fillable(drawn.series, drawn.window) else "See"
            link("gaps", f"{offer} {formatting.many(drawn.slots_missing, 'missing candle')}",
                 ":material/border_clear:", **filters)  # fmt: skip


def _figures(drawn: Drawn) -> None:
    first, last = drawn.opened or (None, None)
    shown = {
        "Candles": formatting.count(drawn.candles),
        "First (UTC)": formatting.minute(first),
        "Last (UTC)": formatting.minute(last),
        "Missing": formatting.count(drawn.slots_missing),
        "Gaps": formatting.count(len(drawn.missing)),
        "Doubtful": formatting.count(drawn.slots_doubtful),
    }
    if drawn.provisional:
        shown["Provisional"] = formatting.count(drawn.provisional)
    show_metrics(shown, MEANINGS)


def _said(drawn: Drawn) -> None:
    if not drawn.bars.height:
        st.info("There is no candle in this window.", icon=":material/search_off:")
    each = "a candle" if drawn.width == drawn.series.width else f"{duration(drawn.width)} of candles made one"
    silent = formatting.many(len(drawn.silent), "span") if drawn.silent else "No span"
    marked = " and ".join(
        what for what, found in (("gaps", drawn.missing), ("doubtful spans", drawn.doubtful)) if found
    )
    least = f" {marked.capitalize()} are drawn at least 1/{STEPS} of the chart wide." if marked else ""
    st.caption(
        f"In UTC; a bar is {each}. {silent} without trades of a bar or longer.{least} Drag across for finer bars; the "
        "wheel zooms these."
    )


def _elsewhere(drawn: Drawn) -> None:
    """The same candles in Python, in SQL, and as a file."""
    start, end = iso(drawn.window.start), iso(drawn.window.end)
    pair, interval = str(drawn.series.pair), drawn.series.interval
    python, sql, file = st.tabs(["Python", "SQL", "Download"])
    home = str(workbench().settings.home)
    python.code(
        "from kraken_core import Workbench\n\n"
        f"with Workbench.open({home!r}) as wb:\n"
        f"    candles = wb.candles({pair!r}, {interval}, {start!r}, {end!r})",
        language="python",
        wrap_lines=True,
    )
    quoted = pair.replace("'", "''")
    of_series = f"pair = '{quoted}' and interval_minutes = {interval}"
    sql.code(
        "\n".join(
            [
                "select * from candles",
                f"where {of_series}",
                f"  and time >= '{start}' and time < '{end}'",
                "order by time",
            ]
        ),
        language="sql",
        wrap_lines=True,
    )
    with file:
        if drawn.candles > AT_MOST:
            st.caption(
                f"More than {formatting.count(AT_MOST)} candles are written by `kraken-history export`, or look at a "
                "shorter window."
            )
            return
        for kind in ("csv", "parquet"):
            st.download_button(
                f"Candles as {kind}",
                partial(_file, drawn, kind),
                file_name=f"{drawn.series.file_name.removesuffix('.csv')}.{kind}",
                icon=":material/download:",
                on_click="ignore",
                key=f"download {kind}",
            )


def _file(drawn: Drawn, kind: str) -> bytes:
    found = workbench().candles(
        drawn.series.pair, drawn.series.interval, drawn.window.start, drawn.window.end, to="polars"
    )
    written = BytesIO()
    if kind == "csv":
        found.write_csv(written)
    else:
        found.write_parquet(written)
    return written.getvalue()


page()
