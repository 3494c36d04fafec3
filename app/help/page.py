"""Help: the guide, part by part."""

from __future__ import annotations

import streamlit as st

from app.shared.guide import TOPICS, text, title
from app.shared.history import tab_title
from app.shared.links import link


def page() -> None:
    """The page."""
    named = st.query_params.get("topic")
    topic = named if named in TOPICS else TOPICS[0]
    tab_title(title(topic))
    topics, shown = st.columns([1, 3], gap="large")
    with topics:
        for each in TOPICS:
            link("help", f"**{title(each)}**" if each == topic else title(each), ":material/article:", topic=each)
    with shown:
        st.markdown(text(topic))


page()
