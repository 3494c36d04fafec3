"""Beside every page: which home is looked at, and the job that runs there."""

from __future__ import annotations

import logging

import streamlit as st

from app.shared import formatting
from app.shared.guide import topic_of
from app.shared.links import link
from app.shared.live_status import is_streaming
from app.shared.workbench_cache import (
    MARKET,
    REAL,
    SIMULATED,
    HomeGoneError,
    is_outdated,
    is_simulated,
    look_anew,
    real,
    show_anew,
    workbench,
)
from kraken_core.domain.errors import KrakenError
from kraken_core.workbench.simulated_home import simulated_home

LOG = logging.getLogger("app")
EVERY_S = 5.0
CHANGED = "Stored data or jobs changed since this page was drawn."


def sidebar(page: str) -> None:
    """The home, the choice of a market where there is one, the running job, and help on the page of that address."""
    show_anew()
    with st.sidebar:
        if simulated_home(real().settings).exists():
            _market()
        _running()
        if page != "help":
            link("help", "Help on this page", ":material/help:", topic=topic_of(page))
        st.caption(f"Home: {formatting.plain(str(workbench().settings.home))}")


def _market() -> None:
    """The choice of a market. It is the session's, on whatever page, and in the URL of each of them.

    No widget's own binding to the URL would do: going from page to page drops it.
    """
    if named := st.query_params.get(MARKET):
        st.session_state[MARKET] = named
    now = SIMULATED if is_simulated() else REAL
    chosen = st.segmented_control("Market", [REAL, SIMULATED], default=now, required=True)
    if chosen != now:
        look_at(chosen)
        st.rerun()
    look_at(now)


def look_at(market: str) -> None:
    """From here on, this session looks at the market."""
    st.session_state[MARKET] = market
    if market == SIMULATED:
        st.query_params[MARKET] = market
    elif MARKET in st.query_params:
        del st.query_params[MARKET]


@st.fragment(run_every=EVERY_S)
def _running() -> None:
    """The running job; and where what the page shows has changed, a button that draws it anew.

    It is not drawn anew by itself: whoever fills a form, ticks rows or reads would be interrupted, by a job that stores
    for hours again and again.
    """
    look_anew()
    try:
        for job in workbench().control.running():
            if is_streaming(job):
                link("schedules", f"Job {job.id} is live", ":material/sensors:")
            else:
                link("jobs", f"Job {job.id} runs: {int(job.progress_pct)} %", ":material/sync:", job=str(job.id))
        if is_outdated():
            st.info(CHANGED, icon=":material/update:")
            if st.button("Show it as it is now", icon=":material/refresh:"):
                st.rerun()
    except HomeGoneError as error:
        st.error(formatting.plain(f"{error} The figures beside this are from before."), icon=":material/error:")
    except KrakenError:
        LOG.warning("the running job could not be read", exc_info=True)
        link("settings", "Jobs cannot be read: see why", ":material/error:")
