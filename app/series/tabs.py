"""The tabs of a series' page: its candles, gaps, silences, evidence and sources."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.series.data import SeriesState, evidence_of, files_of, mini_chart, silences_of
from app.shared import formatting
from app.shared.archive_links import archive_links
from app.shared.links import link
from app.shared.series_list import filters_of
from app.shared.tables import numbers
from app.shared.time_window import window_filters
from kraken_core.domain.formatting import duration
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.figures.candles import candle_chart
from kraken_core.workbench.figures.evidence import evidence_bar

LISTED = 100  # rows of a table
PLAIN = {"displayModeBar": False}


def candles_tab(found: SeriesState) -> None:
    """Its candles, all that there are."""
    drawn = mini_chart(found.series, found.span)
    if not drawn.bars.height:
        st.caption("No candle is stored.")
        return
    st.plotly_chart(candle_chart(drawn), config=PLAIN, key="mini")


def gaps_tab(found: SeriesState) -> None:
    """What is missing of it, the largest first, and what fills that."""
    if not found.gaps.height:
        st.caption("Nothing is missing.")
        return
    series, gaps = found.series, found.gaps.sort("candles", descending=True)
    fillable = gaps.filter(pl.col("route") != Route.NONE)
    filters = filters_of(series)
    if fillable.height:
        link("gaps", f"Backfill {formatting.many(fillable.height, 'gap')}", ":material/download:", **filters)
    else:
        st.caption("No route fills these from here: the archive that is named contains them, as far as it is known.")
    with st.container(horizontal=True):
        archive_links(found.gaps)
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


def silences_tab(series: Series) -> None:
    """Where nothing traded, as data, linked to the candles around."""
    silences = silences_of(series)
    if not silences.height:
        st.caption("There is a candle wherever the series is covered.")
        return
    suspicious = silences.filter(pl.col("kind") == "suspicious").height
    longest = silences.row(0, named=True)
    note = f"{formatting.count(suspicious) if suspicious else 'none'} of them suspicious"
    st.caption(
        f"{formatting.many(silences.height, 'span')} without trades, {note}; the longest lasts "
        f"{duration(longest['end'] - longest['start'])}. Suspicious ones first, then by length."
    )
    event = st.dataframe(
        silences.head(LISTED).select(
            *_span("start", "end"),
            pl.col("slots").alias("Candles"),
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


def evidence_tab(found: SeriesState) -> None:
    """The grades of what is covered, and the claims behind it."""
    if not found.counts.covered:
        st.caption("No source covers this series.")
        return
    st.plotly_chart(evidence_bar(found.counts), config=PLAIN, key="evidence")
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


def sources_tab(found: SeriesState) -> None:
    """The files it was read from, and where sources differ."""
    files = files_of(found.series, LISTED)
    if files.total:
        rows = [
            {
                "File": file.member,
                "Archive": file.path,
                "State": file.status.lower(),
                "First (UTC)": formatting.minute(file.first),
                "Last (UTC)": formatting.minute(file.last),
                "Rows": file.records,
                "New": file.records_new,
                "Revised": file.records_changed,
                "Rejected": file.records_rejected,
                "Job": file.job_id,
            }
            for file in files.first
        ]
        _table(pl.DataFrame(rows), "Rows", "New", "Revised", "Rejected", of=files.total)
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
