"""The window of time that pages have in common."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def dragging() -> None:
    """A chart of hours that was dragged across, as its session has it."""
    import streamlit as st

    from app.shared.time_window import named, zooming

    for number, box in enumerate((["2024-01-01 00:00", "2024-01-01 00:30"], ["2024-01-02 00:00", "2024-01-01 03:00"])):
        st.session_state[f"chart {number}"] = {"selection": {"points": [], "box": [{"x": box}]}}
        zooming(f"chart {number}", 3_600)()
        st.text(str(named()))


def test_a_drag_across_more_than_a_bar_is_the_window_that_the_address_names_from_there_on() -> None:
    shown = AppTest.from_function(dragging).run()
    assert not shown.exception
    of_a_bar, of_more = (each.value for each in shown.text)
    assert of_a_bar == "(None, None)"
    assert of_more == "('2024-01-01T03:00', '2024-01-02T00:00')"
