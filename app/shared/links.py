"""From page to page."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import streamlit as st

PAGES = Path(__file__).parents[1]


def go(view: str, **filters: str) -> NoReturn:
    """Leave for another page, with the filters it is to begin with."""
    st.switch_page(f"{view}/page.py", query_params=filters)


def link(view: str, label: str, icon: str, **filters: str) -> None:
    """A link to another page, with the filters it is to begin with; none where there is no such page."""
    if (PAGES / view / "page.py").exists():
        st.page_link(f"{view}/page.py", label=label, icon=icon, query_params=filters)
