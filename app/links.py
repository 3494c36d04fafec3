"""From page to page."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import streamlit as st

VIEWS = Path(__file__).parent / "views"


def go(view: str, **filters: str) -> NoReturn:
    """Leave for another page, with the filters it is to begin with."""
    st.switch_page(f"views/{view}.py", query_params=filters)


def link(view: str, label: str, icon: str, **filters: str) -> None:
    """A link to another page, with the filters it is to begin with; none where there is no such page."""
    if (VIEWS / f"{view}.py").exists():
        st.page_link(f"views/{view}.py", label=label, icon=icon, query_params=filters)
