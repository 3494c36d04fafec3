"""A series: is it complete and where not, on what evidence, from which files, and how fresh it is."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.charts.candles import candle_chart
from app.charts.evidence import evidence_bar
from app.charts.intervals import completeness_bars
from app.charts.timeline import coverage_timeline
from app.series.data import SeriesState, evidence_of, files_of, mini_chart, pictured, silences_of, state
from app.shared import formatting
from app.shared.filters import known_markets, series_picker
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.series_list import filters_of
from app.shared.tables import numbers
from app.shared.time_window import window_filters
from kraken_core.domain.completeness_answer import completeness_answer
from kraken_core.domain.formatting import duration, instant, percent
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange

LISTED = 100  # rows of a table


def page() -> None:
    """The page."""
    st.title("Series")
    if not known_markets()["pair"]:
        st.info("Nothing is stored in this home yet.", icon=":material/inbox:")
        link("ingest", "Ingest archives", ":material/input:")
        return
    series = series_picker()
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
    st.plotly_chart(completeness_bars([(formatting.interval(series.interval), found.counts)]), config=_PLAIN, key="bar")
    _over_time(found)
    candles, gaps, silences, evidence, sources = st.tabs(["Candles", "Gaps", "No trades", "Evidence", "Sources"])
    with candles:
        _candles(found)
    with gaps:
        _gaps(found)
    with silences:
        _silences(series)
    with evidence:
        _evidence(found)
    with sources:
        _sources(found)


_PLAIN = {"displayModeBar": False}


def _answer(found: SeriesState) -> None:
    answer = completeness_answer([(found.series, found.counts)])
    name = formatting.series_name(found.series)
    if answer.is_yes:
        text = f"Yes: {name} is complete from {instant(found.span.start)} to {formatting.moment(found.span.end)}."
        st.success(formatting.plain(text), icon=":material/check_circle:")
        return
    lacking = []
    if found.counts.missing:
        gaps = formatting.many(found.gaps.height, "gap")
        lacking.append(f"{formatting.count(found.counts.missing)} missing, in {gaps}")
    if found.counts.doubtful:
        lacking.append(f"{formatting.count(found.counts.doubtful)} doubtful")
    text = (
        f"No: {name} is {percent(found.counts.completeness)} complete. Of {formatting.count(found.counts.wanted)} "
        f"candles expected {' and '.join(lacking)}."
    )
    st.warning(formatting.plain(text), icon=":material/report:")


def _figures(found: SeriesState) -> None:
    counts = found.counts
    shown = {
        "Complete": percent(counts.completeness),
        "Missing": formatting.count(counts.missing),
        "No trades": formatting.count(counts.silent),
        "Candles": formatting.count(counts.present),
        "Gaps": formatting.count(found.gaps.height),
        "Age": formatting.NOTHING if found.age is None else formatting.age(found.age),
    }
    show_metrics(shown, {"No trades": "Covered, and nothing was traded.", "Age": "How long ago what is covered ends."})
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
    st.plotly_chart(coverage_timeline(timeline), config=_PLAIN, key="timeline")
    st.caption(f"In steps of {duration(timeline.width)}: the height of a colour is its share of a step.")


def _candles(found: SeriesState) -> None:
    drawn = mini_chart(found.series, found.span)
    if not drawn.candles:
        st.caption("No candle is stored.")
        return
    st.plotly_chart(candle_chart(drawn), config=_PLAIN, key="mini")


def _gaps(found: SeriesState) -> None:
    if not found.gaps.height:
        st.caption("Nothing is missing.")
        return
    series, gaps = found.series, found.gaps.sort("candles", descending=True)
    fillable = gaps.filter(pl.col("route") != Route.NONE)
    filters = filters_of(series)
    if fillable.height:
        link("gaps", f"Backfill {formatting.many(fillable.height, 'gap')}", ":material/download:", **filters)
    else:
        st.caption("No route fills these from here: the archive named holds them, as far as it is known.")
    _table(
        gaps.head(LISTED).select(
            *_span("start", "end"),
            pl.col("candles").alias("Missing"),
            pl.col("status").str.to_lowercase().alias("State"),
            pl.col("route").alias("Route"),
            pl.col("reason").alias("Reason"),
            pl.col("archive").alias("Archive"),
            pl.col("csv_file").alias("File"),
        ),
        "Missing",
        of=gaps.height,
    )


def _silences(series: Series) -> None:
    silences = silences_of(series)
    if not silences.height:
        st.caption("There is a candle wherever the series is covered.")
        return
    suspicious = silences.filter(pl.col("kind") == "suspicious").height
    longest = silences.row(0, named=True)
    note = f"{formatting.many(suspicious, 'one')} suspicious" if suspicious else "none of them suspicious"
    st.caption(
        f"{formatting.many(silences.height, 'span')} without trades, {note}; the longest lasts "
        f"{duration(longest['end'] - longest['start'])}. Suspicious ones first, then by length."
    )
    event = st.dataframe(
        silences.head(LISTED).select(
            *_span("start", "end"),
            pl.col("candles").alias("Candles"),
            pl.col("kind").alias("Kind"),
            pl.col("expected_trades").round(1).alias("Trades expected"),
        ),
        hide_index=True,
        column_config=numbers("Candles", "Trades expected"),
        on_select="rerun",
        selection_mode="single-row",
        key="silences",
    )
    for row in event["selection"]["rows"]:
        start, end = silences.select("start", "end").row(row)
        around = TimeRange(start - 20 * series.width, end + 20 * series.width)
        link("candles", "Open in Candles", ":material/candlestick_chart:", **filters_of(series),
             **window_filters(around))  # fmt: skip
    st.download_button("All as CSV", lambda: _iso(silences).write_csv(), file_name="silences.csv",
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def _iso(silences: pl.DataFrame) -> pl.DataFrame:
    return silences.with_columns(pl.from_epoch(pl.col("start", "end"), "s").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _evidence(found: SeriesState) -> None:
    if not found.counts.covered:
        st.caption("No source covers this series.")
        return
    st.plotly_chart(evidence_bar(found.counts), config=_PLAIN, key="evidence")
    claims = evidence_of(found.series, found.span)
    st.caption("Sources covering this series, newest first.")
    _table(
        claims.head(LISTED).select(
            pl.when("withdrawn").then(pl.lit("withdrawn")).otherwise(pl.lit("in force")).alias("Claim"),
            pl.col("source").alias("Source"),
            *_span("start", "end"),
            pl.col("member").alias("File"),
            pl.col("path").alias("Archive"),
            pl.col("evidence").alias("Hash or request"),
            pl.col("asserted_at").dt.strftime("%Y-%m-%d %H:%M").alias("Claimed at (UTC)"),
            pl.col("job_id").alias("Job"),
        ),
        of=claims.height,
    )


def _sources(found: SeriesState) -> None:
    files = files_of(found.series)
    if files.height:
        _table(
            files.head(LISTED).select(
                pl.col("member").alias("File"),
                pl.col("path").alias("Archive"),
                pl.col("status").str.to_lowercase().alias("State"),
                pl.col("first_time").dt.strftime("%Y-%m-%d %H:%M").alias("First (UTC)"),
                pl.col("last_time").dt.strftime("%Y-%m-%d %H:%M").alias("Last (UTC)"),
                pl.col("records").alias("Rows"),
                pl.col("records_new").alias("New"),
                pl.col("records_changed").alias("Revised"),
                pl.col("records_rejected").alias("Rejected"),
                pl.col("job_id").alias("Job"),
            ),
            "Rows", "New", "Revised", "Rejected", of=files.height,
        )  # fmt: skip
    else:
        st.caption("No file of this series was read.")
    for each in found.differences:
        st.markdown(f"- {formatting.plain(each)}")


def _span(start: str, end: str) -> tuple[pl.Expr, pl.Expr]:
    form = "%Y-%m-%d %H:%M"
    return (
        pl.from_epoch(start, "s").dt.strftime(form).alias("From (UTC)"),
        pl.from_epoch(end, "s").dt.strftime(form).alias("To (UTC)"),
    )


def _table(frame: pl.DataFrame, *counts: str, of: int) -> None:
    st.dataframe(frame, hide_index=True, column_config=numbers(*counts))
    if of > frame.height:
        st.caption(f"The first {formatting.count(frame.height)} of {formatting.count(of)}.")


page()
