"""Gaps as a table to choose from, and as a list of what to get by hand."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.archive_links import links_to
from app.shared.tables import numbers
from app.shared.workbench_cache import workbench
from kraken_core.domain.untrusted import FORMULA

LISTED = 500  # the largest; a list of 100,000 helps nobody, and is too much to send
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def gap_table(gaps: pl.DataFrame, key: str) -> pl.DataFrame:
    """Shows the largest of the gaps; returns those that are ticked."""
    largest = gaps.lazy().sort("candles", "gap_id", descending=[True, False]).head(LISTED).collect()
    event = st.dataframe(
        largest.select(
            pl.col("pair").alias("Pair"),
            pl.col("interval_minutes")
            .replace_strict(formatting.INTERVAL_LABELS, return_dtype=pl.String)
            .alias("Interval"),
            _moment("start", "%Y-%m-%d %H:%M").alias("From (UTC)"),
            _moment("end", "%Y-%m-%d %H:%M").alias("To (UTC)"),
            pl.col("candles").alias("Missing"),
            pl.col("status").str.to_lowercase().alias("State"),
            pl.col("route").alias("Route"),
            pl.col("requests").alias("Requests"),
            pl.col("reason").alias("Reason"),
            pl.col("archive").alias("Archive"),
        ),
        hide_index=True,
        column_config=numbers("Missing", "Requests"),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"gaps {key}",
    )
    if gaps.height > LISTED:
        st.caption(
            f"The largest {formatting.count(LISTED)} of {formatting.count(gaps.height)}: zoom in to see the others."
        )
    return largest[[row for row in event["selection"]["rows"] if row < largest.height]]


def download_list(gaps: pl.DataFrame, archives: pl.DataFrame) -> None:
    """A file that names what to download of the gaps, and from which archives (``by_archive`` of the same gaps)."""
    st.subheader("Download manually")
    if not archives.height:
        st.caption("No published archive is known to contain what is missing here.")
        return
    st.caption(
        f"{formatting.many(archives.height, 'archive')} that Kraken publishes would fill up to "
        f"{formatting.many(int(archives['candles'].sum()), 'candle')}. The list names the files in each; read what you "
        "downloaded on the page Ingest."
    )
    with st.container(horizontal=True):
        st.download_button(
            "Download list",
            lambda: by_hand(workbench().charts.downloads(gaps)).write_csv(),
            file_name="downloads.csv",
            icon=":material/download:",
            on_click="ignore",
        )
        links_to(archives)


def by_hand(downloads: pl.DataFrame) -> pl.DataFrame:
    """The archives' files that fill gaps (``ChartData.downloads``), as in a job's download list."""
    return downloads.select(
        *map(_cell, ("archive", "csv_file", "pair")),
        pl.col("interval_minutes").alias("interval"),
        *(_moment(name, _ISO) for name in ("start", "end")),
        "candles",
        _cell("reason"),
    )


def _cell(name: str) -> pl.Expr:
    """A text column as in any CSV of ours: see ``untrusted.cell``."""
    text = pl.col(name)
    return pl.when(text.str.contains(FORMULA)).then("'" + text).otherwise(text).alias(name)


def _moment(name: str, form: str) -> pl.Expr:
    return pl.from_epoch(name, "s").dt.strftime(form)
