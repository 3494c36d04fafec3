"""What was chosen on a page is left behind with it, but for what the next page means by it too.

Streamlit keeps the value of each widget that is in the URL, by its name, for whatever page has a widget of that name
next. So one pair of Candles would be a filter by pairs in Gaps, page 400 of one list a page that another one lacks, and
a choice by tier a colour.
"""

from __future__ import annotations

import streamlit as st

SELECTED = frozenset({"tier", "pair", "quote", "interval", "from", "to"})  # which series and days
OF_A_PAGE = frozenset(
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
        "log",
        "most",
        "mouse",
        "new",
        "of_tier",
        "order",
        "page",
        "revisions",
        "rows",
        "show",
        "source",
        "status",
        "stop",
        "tab",
        "trades",
        "workers",
    }
)
ALIKE = ({"coverage", "gaps"}, {"candles", "series"})  # pages that select in the same way
_DRAWN = "drawn page"


def leave_choices(page: str) -> None:
    """Before a page is drawn: forget what was chosen on another one that was drawn last, and means nothing here."""
    left = st.session_state.get(_DRAWN, page)
    st.session_state[_DRAWN] = page
    if left == page:
        return
    kept = SELECTED if any({left, page} <= alike for alike in ALIKE) else frozenset()
    for name in (SELECTED | OF_A_PAGE) - kept:
        st.session_state.pop(name, None)
