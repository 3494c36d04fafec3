"""The dashboard's entry: navigation, and what every page has in common."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.shared.addresses import keep_newer_addresses
from app.shared.error_boundary import error_boundary
from app.shared.history import one_entry_for_one_act, tab_title
from app.shared.lasting_objects import exempt_from_search
from app.shared.left_choices import leave_choices
from app.shared.left_pages import ignore_redraws_of_left_pages
from app.shared.origins import refuse_other_origins
from app.shared.sidebar import sidebar
from kraken_core.workbench.health import open_files

ICON = Path(__file__).parent / "icon.svg"  # Streamlit's own icons are fetched from elsewhere when they are a tab's


def main() -> None:
    """Draw the page that the address names."""
    ignore_redraws_of_left_pages()
    keep_newer_addresses()
    open_files.raise_limit()
    st.set_page_config(page_icon=str(ICON), layout="wide")
    refuse_other_origins()
    page = st.navigation(
        [
            st.Page("overview/page.py", title="Overview", icon=":material/dashboard:", default=True),
            st.Page("ingest/page.py", title="Ingest", icon=":material/input:", url_path="ingest"),
            st.Page("jobs/page.py", title="Jobs", icon=":material/sync:", url_path="jobs"),
            st.Page("coverage/page.py", title="Coverage", icon=":material/view_timeline:", url_path="coverage"),
            st.Page("gaps/page.py", title="Gaps", icon=":material/border_clear:", url_path="gaps"),
            st.Page("series/page.py", title="Series", icon=":material/monitoring:", url_path="series"),
            st.Page("candles/page.py", title="Candles", icon=":material/candlestick_chart:", url_path="candles"),
            st.Page("schedules/page.py", title="Schedules", icon=":material/event_repeat:", url_path="schedules"),
            st.Page("settings/page.py", title="Settings", icon=":material/settings:", url_path="settings"),
            st.Page("help/page.py", title="Help", icon=":material/help:", url_path="help"),
        ]
    )
    leave_choices(page.url_path)
    tab_title(page.title)
    with error_boundary():
        with st.sidebar:
            one_entry_for_one_act()
        sidebar(page.url_path)
        page.run()
    exempt_from_search(page.url_path)


if __name__ == "__main__":  # and not where another process is started, which imports this file anew
    main()
