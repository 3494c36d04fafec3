"""What tables have in common. Cells are data, never markup: a dataframe is drawn on a canvas, a table is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from app.shown import NOTHING, plain

_BACKTICKS = re.compile("`+")


def numbers(*names: str) -> dict[str, Any]:
    """The configuration of columns that hold counts: with separators."""
    return {name: st.column_config.NumberColumn(format="localized") for name in names}


def texts_table(rows: Iterable[Mapping[str, str]], *, code: str = "") -> None:
    """A table of few rows with long texts, which wrap; in the column ``code`` addresses are no links."""
    shown = [{name: _code(text) if name == code else plain(text) for name, text in row.items()} for row in rows]
    st.table(shown, border="horizontal", hide_index=True)


def _code(text: str) -> str:
    """The text between more backticks than it has in a row."""
    if not text:
        return NOTHING
    fence = "`" * (max(map(len, _BACKTICKS.findall(text)), default=0) + 1)
    return f"{fence} {text} {fence}"
