"""Overview: how complete the history is, and what needs attention first."""

from __future__ import annotations

import streamlit as st

from app import shown
from app.data import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.report import Completeness


@remembered
def overall(workbench: Workbench) -> tuple[int, Completeness]:
    """The instant that is spoken of, and all series together."""
    report = workbench.held.report(workbench.select())
    return report.as_of, report.overall


def page() -> None:
    """The page."""
    st.title("Overview")
    if not workbench().ledger.detections():
        st.info("Nothing is held in this home yet.", icon=":material/inbox:")
        return
    as_of, slots = overall()
    st.caption(f"As of {shown.moment(as_of)}, the last detection")
    figures = st.columns(4)
    figures[0].metric("Completeness", shown.share(slots.completeness), help="Covered slots of those wanted.")
    figures[1].metric("Candles wanted", shown.count(slots.wanted), help="Slots in the life of the pairs asked for.")
    figures[2].metric("Missing", shown.count(slots.missing), help="Slots that no source knows anything of.")
    figures[3].metric("Activity", shown.share(slots.activity), help="Covered slots in which something traded.")


page()
