"""A page's figures, side by side: they come before its chart, which takes a browser a while to draw."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def figures(told: Mapping[str, str], *, border: bool = True) -> None:
    """Each figure under its name."""
    with st.container(horizontal=True):
        for label, value in told.items():
            st.metric(label, value, border=border, width="content")
