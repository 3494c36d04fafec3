"""Live on the page of schedules: as it goes, or how to start it."""

from __future__ import annotations

import streamlit as st

from app.shared import formatting
from app.shared.filters import FIRST_DAY, known_markets
from app.shared.live_status import DIED, EVERYTHING, show_live
from app.shared.workbench_cache import is_simulated, workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.market import INTERVALS
from kraken_core.workbench.live.control import LivePlan
from kraken_core.workbench.live.state import LiveState

NOTHING_TO_FOLLOW = (
    "The simulated market's time stands still, so there is nothing to follow. One that goes on: "
    "`kraken-history simulate market --serve 8080 --live`."
)
FIRST = "What is missing since then is filled first. Empty: five years, or what is expected of the series already."


def live_now(state: LiveState) -> None:
    """The live history as it goes."""
    st.subheader("Live")
    show_live(state, EVERYTHING)


def live_before(state: LiveState | None) -> None:
    """How the last one ended, and the form that starts one."""
    st.subheader("Start live")
    st.caption("Live streams trades, and stores each minute of candles once it is closed, settled and proved.")
    if state and state.ended is None:
        began = formatting.moment(state.started)
        st.error(f"**{DIED}** It began {began}. The next start fills what is missing.", icon=":material/error:")
    elif state:
        st.caption(f"The last one ended {formatting.moment(state.ended)}.")
    if state and state.failed:
        st.text(f"Its last job failed: {state.failed}")
    if is_simulated():
        st.info(NOTHING_TO_FOLLOW, icon=":material/info:")
        return
    markets = known_markets()
    with st.form("live"):
        upper, lower = st.columns(2), st.columns(2)
        tiers = upper[0].multiselect("Tiers", markets["tier"], placeholder="None", key="live tiers")
        pairs = upper[1].multiselect("Pairs", markets["pair"], placeholder="None", key="live pairs",
                                       help="They go before tiers.")  # fmt: skip
        intervals = lower[0].multiselect("Intervals", INTERVALS, format_func=formatting.interval,
                                           placeholder="All intervals", key="live intervals")  # fmt: skip
        start = lower[1].date_input("First day (UTC)", None, key="live start", min_value=FIRST_DAY,
                                    format="YYYY-MM-DD", help=FIRST)  # fmt: skip
        pressed = st.form_submit_button("Start live", icon=":material/sensors:", type="primary")
    if pressed:
        _start(LivePlan(() if pairs else tiers, pairs, intervals, start))


def _start(plan: LivePlan) -> None:
    if not (plan.tiers or plan.pairs):
        st.warning("Choose tiers or pairs first.")
        return
    with st.spinner("Starting a process for live …"):
        try:
            workbench().live.start(plan)
        except KrakenError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")
            return
    st.rerun()
