"""What runs in the browser itself, whichever page is shown: see history and charts_ahead."""

from __future__ import annotations

import streamlit as st


def run_in_browser(*scripts: str) -> None:
    """Have the browser run scripts, as one element: each would take some of the page's height."""
    st.html(f"<script>\n{''.join(scripts)}</script>", width="content", unsafe_allow_javascript=True)
