"""What a stretch of a series stands on: what is missing of it, why it is doubtful, and the claims about it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.archive_links import archive_links
from app.shared.links import link
from app.shared.series_list import filters_of, series_link
from app.shared.tables import numbers
from app.shared.time_window import window_filters
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.gaps import Route
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench.charts.charts import SpanDoubts

LISTED = 20  # reasons


@remembered
def grounds(workbench: Workbench, series: Series, span: TimeRange) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The claims about a stretch of a series, and the gaps in it, as far as they lie in it."""
    evidence = workbench.evidence(series, span)
    gaps = workbench.charts.gaps(workbench.select(pairs=[series.pair], intervals=[series.interval]))
    inside = gaps.with_columns(
        start=pl.max_horizontal("start", pl.lit(span.start)), end=pl.min_horizontal("end", pl.lit(span.end))
    ).filter(pl.col("start") < pl.col("end"))
    return evidence, inside.with_columns(candles=(pl.col("end") - pl.col("start")) // series.width)


@remembered
def doubts_of(workbench: Workbench, series: Series, span: TimeRange) -> SpanDoubts:
    """How much of a stretch of a series is doubtful, and why."""
    return workbench.charts.doubts(series, span)


def evidence(series: Series, span: TimeRange) -> None:
    """The stretch, and where it can be looked into and mended."""
    st.subheader("Evidence")
    st.text(f"{formatting.series_name(series)}: {formatting.moment(span.start)} – {formatting.moment(span.end)}")
    filters = filters_of(series)
    claims, gaps = grounds(series, span)
    fillable = gaps.filter(pl.col("route") != Route.NONE).height
    with st.container(horizontal=True):
        series_link(series)
        link("candles", "Open in Candles", ":material/candlestick_chart:", **filters, **window_filters(span))
        link("gaps", f"Open in Gaps{', to backfill' if fillable else ''}", ":material/border_clear:",
             **filters, **window_filters(span))  # fmt: skip
        archive_links(gaps)
    if gaps.height:
        st.caption("Missing in it")
        st.dataframe(
            gaps.select(
                _moment("start").alias("From (UTC)"), _moment("end").alias("To (UTC)"),
                pl.col("candles").alias("Missing"), pl.col("route").alias("Route"), pl.col("reason").alias("Reason"),
                pl.col("archive").alias("Archive"), pl.col("csv_file").alias("File"),
            ),
            hide_index=True,
            column_config=numbers("Missing"),
        )  # fmt: skip
    _doubts(doubts_of(series, span))
    if not claims.height:
        st.caption("No source covers this range.")
        return
    st.caption("Sources covering this range, newest first")
    st.dataframe(
        claims.select(
            pl.when("withdrawn").then(pl.lit("withdrawn")).otherwise(pl.lit("in force")).alias("Claim"),
            pl.col("source").alias("Source"), _moment("start").alias("From (UTC)"), _moment("end").alias("To (UTC)"),
            pl.col("member").alias("File"), pl.col("path").alias("Archive"),
            pl.col("evidence").alias("Hash or request"),
            pl.col("asserted_at").dt.strftime("%Y-%m-%d %H:%M").alias("Claimed at (UTC)"),
            pl.col("job_id").alias("Job"),
        ),
        hide_index=True,
    )  # fmt: skip


def _doubts(found: SpanDoubts) -> None:
    """How much of it is doubtful, and what speaks against that."""
    if not found.slots:
        return
    st.caption(f"Doubtful in it: {formatting.count(found.slots)} of the candles expected, because of")
    for reason in found.reasons[:LISTED]:
        st.text(f"– {reason}")
    if len(found.reasons) > LISTED:
        st.caption(f"The first {LISTED} of {formatting.count(len(found.reasons))} reasons.")
    if not found.reasons:
        st.text("– no reason that is on record")


def _moment(name: str) -> pl.Expr:
    return pl.from_epoch(name, "s").dt.strftime("%Y-%m-%d %H:%M")
