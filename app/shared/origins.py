"""Pages of other servers on this machine are refused.

Streamlit takes every page of localhost for its own, whatever its port: one that another program serves could open the
dashboard's connection and press its buttons. Nothing is drawn for it, so that there is no button to press.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

REFUSED = (
    "This page was opened by another one, so nothing is shown. Open the dashboard's own address; behind a proxy that "
    "changes the Host header, name its address in Streamlit's server.corsAllowedOrigins."
)


def refuse_other_origins() -> None:
    """Stop the script where the browser's page is of another origin, unless Streamlit's settings allow that."""
    origin, host = (st.context.headers.get(name) for name in ("Origin", "Host"))
    if origin and urlsplit(origin).netloc != host and origin not in st.get_option("server.corsAllowedOrigins"):
        st.error(REFUSED, icon=":material/block:")
        st.stop()
