"""Series in a table: the row that is clicked opens the page of its series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.shared import formatting
from app.shared.links import go, link
from kraken_core.domain.market import Series


def series_list(rows: Sequence[tuple[Series, Mapping[str, str]]], key: str) -> None:
    """Each series with what is said of it."""
    event = st.dataframe(
        [{"Pair": str(each.pair), "Interval": formatting.interval(each.interval), **more} for each, more in rows],
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        key=key,
    )
    for row in event["selection"]["rows"]:
        if row < len(rows):
            open_series(rows[row][0])


def open_series(series: Series) -> None:
    """Leave for the page of a series."""
    go("series", **filters_of(series))


def series_link(series: Series) -> None:
    """A link to the page of a series, by its name."""
    link("series", formatting.series_name(series), ":material/monitoring:", **filters_of(series))


def filters_of(series: Series) -> dict[str, str]:
    """The series as the addresses of pages name it."""
    return {"pair": str(series.pair), "interval": formatting.interval(series.interval)}
