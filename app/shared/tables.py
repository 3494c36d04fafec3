"""What tables have in common. Cells are data, never markup: a dataframe is drawn on a canvas, a text is as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import streamlit as st

from app.shared.formatting import NOTHING, plain


def numbers(*names: str) -> dict[str, Any]:
    """The configuration of columns that hold counts: with separators."""
    return {name: st.column_config.NumberColumn(format="localized") for name in names}


def percentages(*names: str) -> dict[str, Any]:
    """The configuration of columns that hold percentages, small ones among them."""
    return {name: st.column_config.NumberColumn(format="%.4g %%") for name in names}


def texts(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
    """A few rows of long texts, which wrap wherever they must: one below another where it is narrow."""
    with st.container(gap="small"):
        for name, value, *more in rows:
            first, second, *others = st.columns(widths, gap="xxsmall")
            first.markdown(f"**{plain(name)}**")
            second.text(value or NOTHING)
            for column, text in zip(others, more, strict=True):
                column.caption(plain(text))
