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
    wanted = (
        workbench()
        .charts.downloads(gaps)
        .group_by("archive")
        .agg(pl.col("candles").sum(), pl.col("csv_file").unique().sort())
        .sort("candles", descending=True)
        .head(NAMED)
    )
    for archive, candles, files in wanted.iter_rows():
        address = download_address(workbench().settings, archive)
        st.link_button(
            f"{'Download' if address.endswith(archive) else 'Where to download'} {formatting.plain(archive)}",
            address,
            icon=":material/download:",
            help=f"It contains up to {formatting.many(candles, 'missing candle')}, in "
            f"{formatting.plain(', '.join(files[:NAMED]))}. Ingest it afterwards.",
        )
