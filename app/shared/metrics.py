"""A page's figures, side by side: they come before its chart, which takes a browser a while to draw.

They are plain text, and not Streamlit's metrics: what a browser has yet to load for those, be it in its cache, keeps
them back by a third of a second and more, together with everything else that is still to be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.shared.formatting import plain


def show_metrics(values: Mapping[str, str], meanings: Mapping[str, str] | None = None, *, border: bool = True) -> None:
    """Each figure under its name, some with what they mean."""
    with st.container(horizontal=True, gap="small" if border else "medium"):
        for name, value in values.items():
            with st.container(border=border, width="content", gap="xxsmall"):
                st.caption(plain(name), help=(meanings or {}).get(name))
                st.markdown(f"**{plain(value)}**")
