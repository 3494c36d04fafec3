"""The window of time that a page looks at: in the URL, moved and zoomed by buttons, and on the chart itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

import streamlit as st

from app.shared import formatting
from app.shared.filters import IN_URL
from kraken_core.domain.timerange import TimeRange, day_start

START, END = "start", "end"  # in the URL: minutes, UTC
NARROWEST_S = 3_600
DAY_S = 86_400
RANGES = {"1D": DAY_S, "1W": 7 * DAY_S, "1M": 30 * DAY_S, "1Y": 365 * DAY_S}
Named = tuple[str | None, str | None]
_FORMAT = "%Y-%m-%dT%H:%M"


class Chosen(NamedTuple):
    """What was chosen on a chart: stretches of rows by a click, a stretch of time by dragging."""

    stretches: list[tuple[int, int, int]]  # row, start, end in epoch seconds
    span: TimeRange | None


def window(bounds: TimeRange) -> TimeRange:
    """The window that the URL names, inside the bounds; all of them where it names none."""
    start, end = map(_parsed, named())
    return _inside(bounds, start if start is not None else bounds.start, end if end is not None else bounds.end)


def named() -> Named:
    """The start and the end as the address has them."""
    return st.query_params.get(START), st.query_params.get(END)


def newest(bounds: TimeRange, at: TimeRange) -> TimeRange:
    """The window moved to the end of the bounds."""
    return _inside(bounds, bounds.end - (at.end - at.start), bounds.end)


def controls(bounds: TimeRange, at: TimeRange) -> None:
    """Buttons that move and zoom the window."""
    with st.container():  # what comes and goes has a place of its own: see app/shared/filters.py
        if why := _why_another(bounds):
            shown = f"{formatting.moment(at.start)} – {formatting.moment(at.end)}"
            st.warning(formatting.plain(f"{why}; shown: {shown}."), icon=":material/warning:")
    length = at.end - at.start
    moves = {
        "Earlier": (":material/chevron_left:", at.start - length // 2, at.end - length // 2),
        "Later": (":material/chevron_right:", at.start + length // 2, at.end + length // 2),
        "Zoom in": (":material/zoom_in:", at.start + length // 4, at.end - length // 4),
        "Zoom out": (":material/zoom_out:", at.start - length // 2, at.end + length // 2),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, (icon, start, end) in moves.items():
            if st.button(label, icon=icon, disabled=_inside(bounds, start, end) == at):
                zoom(_inside(bounds, start, end))
        if st.button("All", icon=":material/fit_width:", disabled=at == bounds):
            zoom(None)
        st.caption(f"{formatting.moment(at.start)} – {formatting.moment(at.end)}")


def _why_another(bounds: TimeRange) -> str:
    """Why the window is not the one that the address names; empty where it is, or a part of that one."""
    if wrong := [text for text in named() if text and _parsed(text) is None]:
        return f"{' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} no time such as 2026-01-31T00:00"
    first, last = map(_parsed, named())
    start, end = bounds.start if first is None else first, bounds.end if last is None else last
    if first is not None and last is not None and end <= start:
        return "The window of the address ends before it begins"
    return "" if start < bounds.end and bounds.start < end else "Nothing is expected in the window of the address"


def quick_ranges(bounds: TimeRange, latest: int) -> None:
    """Windows of a day up to a year that end at ``latest`` (epoch seconds), and one of typed days."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, seconds in RANGES.items():
            if st.button(label, key=f"last {label}", help=f"The last {label} of what is stored"):
                zoom(_inside(bounds, latest - seconds, latest))
        with st.popover("Days …", icon=":material/date_range:"):
            _typed(bounds)


def _typed(bounds: TimeRange) -> None:
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in bounds)
    limits: dict[str, Any] = {"min_value": first, "max_value": last, "format": "YYYY-MM-DD"}
    start = st.date_input("First day (UTC)", first, key="first day", **limits)
    end = st.date_input("Last day (UTC, included)", last, key="last day", **limits)
    if st.button("Show these days", type="primary", disabled=end < start):
        zoom(_inside(bounds, day_start(start), day_start(end) + DAY_S))


def dragged(clicking: str, dragging: str) -> bool:
    """Whether the mouse is to drag across the chart, or to click on it: what either is for is said."""
    chosen = st.segmented_control(
        "Mouse", [clicking, dragging], default=clicking, key="mouse", bind=IN_URL, required=True
    )
    return bool(chosen == dragging)


def zoom(to: TimeRange | None) -> NoReturn:
    """Look at another window, or at everything."""
    _address(to)
    st.rerun()


def zooming(key: str, least: int) -> Callable[[], None]:
    """What to do when a chart is dragged across: look at that, if it is wider than ``least`` (seconds).

    It is done before the page is drawn, so that the window that is left is not drawn once more. What was dragged is
    undone with it: the chart of another window is another widget.
    """

    def on_select() -> None:
        picked = chosen(st.session_state[key]).span
        if picked and picked.end - picked.start > least:
            _address(picked)

    return on_select


def _address(to: TimeRange | None) -> None:
    """Have the address name a window, or none."""
    if to:  # both at once, or the address names half a window meanwhile
        st.query_params.update(window_filters(to))
    else:
        for name in (START, END):
            st.query_params.pop(name, None)


def window_filters(at: TimeRange) -> dict[str, str]:
    """A window as the addresses of pages name it."""
    return {name: _text(instant) for name, instant in zip((START, END), at, strict=True)}


def chosen(event: Mapping[str, Any]) -> Chosen:
    """What Streamlit tells of a choice on a chart whose bars carry (row, start, end)."""
    selection = event.get("selection", {})
    found = [point.get("customdata") for point in selection.get("points", [])]
    stretches = [(int(row), int(start), int(end)) for row, start, end in (_listed(each) for each in found if each)]
    boxes = [box["x"] for box in selection.get("box", []) if len(box.get("x", [])) > 1]
    instants = sorted(_instant(x) for x in boxes[0]) if boxes else []
    return Chosen(stretches, TimeRange(instants[0], instants[-1]) if instants else None)


def _listed(customdata: Any) -> Sequence[Any]:  # noqa: ANN401 - a list, or an object with its indices as keys
    return list(customdata.values()) if isinstance(customdata, Mapping) else list(customdata)


def _inside(bounds: TimeRange, start: int, end: int) -> TimeRange:
    """The range moved into the bounds, and made wide enough to be looked at."""
    length = min(max(end - start, NARROWEST_S), bounds.end - bounds.start)
    start = min(max(start, bounds.start), bounds.end - length)
    return TimeRange(start, start + length)


def _text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime(_FORMAT)


def _parsed(text: str | None) -> int | None:
    """An instant of the URL; whatever is none is left out."""
    try:
        return int(datetime.strptime(text or "", _FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _instant(x: str | float) -> int:
    """A place on a time axis as plotly tells it: a date without a zone, or milliseconds."""
    if isinstance(x, str):
        return int(datetime.fromisoformat(x.replace(" ", "T")).replace(tzinfo=UTC).timestamp())
    return int(x / 1000)
