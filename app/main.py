"""The dashboard's entry: navigation, and what every page has in common."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.frame import frame
from app.sidebar import sidebar

ICON = Path(__file__).parent / "icon.svg"  # Streamlit's own icons are fetched from elsewhere when they are a tab's

st.set_page_config(page_title="Kraken History", page_icon=str(ICON), layout="wide")
page = st.navigation(
    [
        st.Page("views/overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("views/ingest.py", title="Ingest", icon=":material/input:", url_path="ingest"),
        st.Page("views/jobs.py", title="Jobs", icon=":material/sync:", url_path="jobs"),
        st.Page("views/coverage.py", title="Coverage", icon=":material/view_timeline:", url_path="coverage"),
        st.Page("views/gaps.py", title="Gaps", icon=":material/border_clear:", url_path="gaps"),
        st.Page("views/candles.py", title="Candles", icon=":material/candlestick_chart:", url_path="candles"),
        st.Page("views/settings.py", title="Settings", icon=":material/settings:", url_path="settings"),
    ]
)
with frame():
    sidebar()
    page.run()
