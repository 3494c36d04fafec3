"""What tables have in common. Cells are data, never markup: a dataframe is drawn on a canvas, a table is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from app.shown import plain


def numbers(*names: str) -> dict[str, Any]:
    """The configuration of columns that hold counts: with separators."""
    return {name: st.column_config.NumberColumn(format="localized") for name in names}


def texts_table(rows: Iterable[Mapping[str, str]]) -> None:
    """A table of few rows with long texts, which wrap."""
    st.table([{name: plain(text) for name, text in row.items()} for row in rows], border="horizontal", hide_index=True)
