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
    with st.container(horizontal=True, gap="small"):
        for each in TOPICS:
            if each != topic:
                link("help", title(each), ":material/article:", topic=each)
    st.markdown(text(topic))


page()
