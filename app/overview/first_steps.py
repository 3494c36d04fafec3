"""An empty home: where a newcomer begins."""

from __future__ import annotations

import streamlit as st

from app.shared import formatting
from app.shared.links import link
from app.shared.workbench_cache import MARKET, SIMULATED, is_simulated, real, workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.workbench.archive_choices import offered, unreadable_sources
from kraken_core.workbench.simulated_home import make_simulated, simulated_home


def first_steps() -> None:
    """Two ways to begin: archives of one's own, or a simulated market."""
    st.write("No data yet. A history begins with Kraken's archives of candles:")
    if is_simulated():
        _ingest("The archives of the simulated market are there. Look at what is in them, then ingest them.")
        return
    yours, simulated = st.columns(2)
    with yours, st.container(border=True, height="stretch"):
        st.subheader("Your archives")
        _yours()
    with simulated, st.container(border=True, height="stretch"):
        st.subheader("A simulated market")
        _simulated()


def _yours() -> None:
    for problem in unreadable_sources(workbench().settings):
        st.error(formatting.plain(problem), icon=":material/error:")
    local = [place for place in offered(workbench().settings) if "://" not in place]
    if local:
        _ingest(f"{len(local):,} are configured, such as {local[0]}.")
        return
    st.write("Download Kraken's OHLCVT archives, or a part of them, and enter where they are, in this file:")
    st.code(str(workbench().settings.home / "kraken.toml"), language=None, wrap_lines=True)
    st.code('csv_source_dirs = ["/data/Kraken_OHLCVT.zip"]', language="toml", wrap_lines=True)
    st.button("Look again", icon=":material/refresh:")


def _ingest(text: str) -> None:
    st.markdown(formatting.plain(text))
    link("ingest", "Choose what to ingest", ":material/input:", tier="ALL")


def _simulated() -> None:
    st.write(
        "Eight pairs over nine months, with known holes, and an exchange on this machine that can fill some of them. "
        "It has a home of its own, which you can delete at any time."
    )
    made = simulated_home(real().settings).exists()
    label = "Go to the simulated market" if made else "Try the simulated market"
    if st.button(label, icon=":material/science:", type="primary"):
        with st.spinner("Writing its archives …"):
            try:
                make_simulated(real().settings)
            except KrakenError as error:
                st.error(formatting.plain(str(error)))
                return
        st.session_state[MARKET] = SIMULATED
        st.rerun()
