"""Long lists, a page at a time: which one is in the URL."""

from __future__ import annotations

import streamlit as st

from app.shared import formatting
from app.shared.filters import IN_URL

TIMELINES, HEATMAP_ROWS = 25, 30  # a page


def page_of(total: int, size: int, text: str) -> slice:
    """The part of a list that is looked at, chosen where there are several; ``text`` is how long the list is.

    Pages are about as long as each other, ``size`` at most: none has a single row left over from the others.
    """
    pages = max(1, -(-total // size))
    each = -(-total // pages)
    number = 1
    with st.container(horizontal=True, vertical_alignment="bottom"):  # in one place: see app/shared/filters.py
        if pages > 1:
            number = int(
                st.number_input(f"Page, of {formatting.count(pages)}", 1, pages, key="page", bind=IN_URL, width=160)
            )
        st.caption(text + (f", {each} a page" if pages > 1 else ""))
    first = (min(number, pages) - 1) * each
    return slice(first, min(first + each, total))
