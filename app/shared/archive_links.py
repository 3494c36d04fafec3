"""Links to the published archives that contain what is missing."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.shared import formatting
from app.shared.workbench_cache import workbench
from kraken_core.workbench.archive_choices import download_address

NAMED = 3  # archives; Gaps has the whole list


def archive_links(gaps: pl.DataFrame) -> None:
    """A link for each archive that contains a part of the gaps (of ``ChartData.gaps``)."""
    links_to(by_archive(workbench().charts.downloads(gaps)))


def by_archive(downloads: pl.DataFrame) -> pl.DataFrame:
    """Of ``ChartData.downloads``: each archive, its candles and some of its files; the most candles first."""
    return (
        downloads.group_by("archive")
        .agg(pl.col("candles").sum(), pl.col("csv_file").unique().sort().head(NAMED))
        .sort("candles", descending=True)
    )


def links_to(archives: pl.DataFrame) -> None:
    """A link for each of the first of some archives (of :func:`by_archive`)."""
    for archive, candles, files in archives.head(NAMED).iter_rows():
        address = download_address(workbench().settings, archive)
        st.link_button(
            f"{'Download' if address.endswith(archive) else 'Where to download'} {formatting.plain(archive)}",
            address,
            icon=":material/download:",
            help=f"It contains up to {formatting.many(candles, 'missing candle')}, in "
            f"{formatting.plain(', '.join(files))}. Ingest it afterwards.",
        )
