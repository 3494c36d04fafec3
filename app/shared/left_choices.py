"""What was chosen on a page is left behind with it: a page shows what its address says, and no more.

Streamlit keeps the value of each widget that is in the URL, by its name, for whatever page has a widget of that name
next. So one pair of Candles would be a filter by pairs in Gaps, page 400 of one list a page that another one lacks, and
a choice by tier a colour.
"""

from __future__ import annotations

import streamlit as st

NAMES = frozenset(
    {
        "api",
        "as_of",
        "by",
        "colours",
        "complete",
        "download",
        "file_status",
        "fill",
        "follow",
        "from",
        "interval",
        "log",
        "lost",
        "most",
        "mouse",
        "new",
        "of_tier",
        "order",
        "page",
        "pair",
        "quote",
        "revisions",
        "rows",
        "show",
        "source",
        "status",
        "stop",
        "tab",
        "tier",
        "to",
        "trades",
        "workers",
    }
)
FILTERED = "filtered"  # whether any filter was set since the page was opened: then its filters stay in view
_DRAWN = "drawn page"


def leave_choices(page: str) -> None:
    """Before a page is drawn: forget what was chosen on another one, if that was drawn last."""
    if st.session_state.get(_DRAWN, page) != page:
        for name in (*NAMES, FILTERED):
            st.session_state.pop(name, None)
    st.session_state[_DRAWN] = page
