"""What a watch is to keep up to date, and how often."""

from __future__ import annotations

import streamlit as st

from app.shared import formatting
from app.shared.filters import known_markets
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS
from kraken_core.workbench.watch.schedule import WatchPlan

EVERY = (15, 60, 240, 720, 1440)  # minutes


def start_form() -> None:
    """The form, and the button that starts the watch in a process of its own."""
    st.subheader("Start a watch")
    markets = known_markets()
    with st.form("watch"):
        upper, lower = st.columns(2), st.columns(2)
        tiers = upper[0].multiselect("Tiers", markets["tier"], placeholder="None")
        pairs = upper[1].multiselect("Pairs", markets["pair"], placeholder="None", help="They go before tiers.")
        intervals = lower[0].multiselect("Intervals", INTERVALS, format_func=formatting.interval,
                                         placeholder="All intervals")  # fmt: skip
        every = lower[1].selectbox("Every", EVERY, index=1, format_func=short)
        exchange = st.toggle("Query the exchange", value=True, help="Off: only the archives of the settings are read.")
        pressed = st.form_submit_button("Start the watch", icon=":material/play_arrow:", type="primary")
    if not pressed:
        return
    if not (tiers or pairs):
        st.warning("Choose tiers or pairs first.")
        return
    plan = WatchPlan(every, () if pairs else tiers, pairs, intervals, api_backfill=exchange)
    with st.spinner("Starting a process for the watch …"):
        try:
            workbench().schedule.start(plan)
        except KrakenError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")
            return
    st.rerun()
