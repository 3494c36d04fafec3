"""What the candles of a window were before they were replaced."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.candles.table import VALUES, exact_values
from app.shared import formatting
from app.shared.filters import IN_URL
from app.shared.workbench_cache import remembered
from kraken_core import Workbench
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange

LISTED = 200  # at most
_NAMES = {"time": "Candle (UTC)", "replaced_at": "Replaced at (UTC)", "job_id": "Job"}


@remembered
def revisions_of(workbench: Workbench, series: Series, window: TimeRange) -> pd.DataFrame:
    """The candles of a window that were replaced, as they were before."""
    return workbench.revisions(series.pair, series.interval, window.start, window.end)


def show(series: Series, window: TimeRange) -> None:
    """The revisions of a window's candles, where they are asked for: the latest first."""
    if not st.toggle("Revisions", key="revisions", bind=IN_URL, help="What these candles were before."):
        return
    found = revisions_of(series, window)
    if found.empty:
        st.caption("No candle of this window was ever replaced, as far as that is kept.")
        return
    latest = found.sort_values(["replaced_at", "time"], ascending=False).head(LISTED)
    times = {name: latest[name].dt.strftime("%Y-%m-%d %H:%M") for name in ("time", "replaced_at")}
    listed = f"; the latest {formatting.count(LISTED)} are listed" if len(found) > LISTED else ""
    st.caption(f"{formatting.many(len(found), 'candle')} of this window had other values, or was taken away{listed}.")
    shown = latest.assign(**times)
    shown.columns = pd.Index([_NAMES.get(name, name.capitalize()) for name in shown.columns])
    exact = exact_values({name: latest[name].dropna() for name in VALUES if name in latest})
    st.dataframe(shown, hide_index=True, column_config=exact)
