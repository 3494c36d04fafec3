"""The dashboard's entry: navigation, and what every page has in common."""

from __future__ import annotations

import streamlit as st

from app.frame import frame

st.set_page_config(page_title="Kraken History", page_icon=":material/candlestick_chart:", layout="wide")
page = st.navigation(
    [
        st.Page("views/overview.py", title="Overview", icon=":material/dashboard:", default=True),
    ]
)
with frame():
    page.run()
